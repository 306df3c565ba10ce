SELECT * FROM asof_feed()
