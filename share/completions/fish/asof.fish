# fish completion for asof; written by 'asof completion fish'.

complete -c asof -f
complete -c asof -l directory -s C -r -f -a '(__fish_complete_directories)' -d 'run as if started in DIR, where asof.yaml is'
complete -c asof -l profile -r -f -d 'use the overrides of this profile'
complete -c asof -l json -d 'one JSON document on standard output; errors as JSON too'
complete -c asof -l quiet -s q -d 'no progress, no summary; only errors'
complete -c asof -l verbose -s v -d 'log in detail'
complete -c asof -l log-format -r -f -a 'text json' -d 'text or json lines on standard error'
complete -c asof -l threads -r -f -d 'use N threads (default: one per CPU)'
complete -c asof -l memory -r -f -d 'use at most SIZE of memory, like 4GiB (default: 80 % of the machine\'s)'
complete -c asof -l help -s h -d 'explain the command'
complete -c asof -l version -d 'print the version'

complete -c asof -n __fish_use_subcommand -a init -d 'make a project that works, with a small source of its own'
complete -c asof -n '__fish_seen_subcommand_from init' -f -a '(__fish_complete_directories)'

complete -c asof -n __fish_use_subcommand -a plan -d 'show what the definitions change: versions, data, who is affected'
complete -c asof -n '__fish_seen_subcommand_from plan' -l check -d 'exit with 3 if there is a difference'

complete -c asof -n __fish_use_subcommand -a apply -d 'register the definitions'
complete -c asof -n '__fish_seen_subcommand_from apply' -l yes -d 'also changes that break readers (a new MAJOR version)'
complete -c asof -n '__fish_seen_subcommand_from apply' -l reason -r -f -d 'why: kept with the runs and versions that come of it'

complete -c asof -n __fish_use_subcommand -a build -d 'compute views and publish them; incremental unless --full'
complete -c asof -n '__fish_seen_subcommand_from build' -l tag -r -f -d 'keep T with the versions that are published'
complete -c asof -n '__fish_seen_subcommand_from build' -l reason -r -f -d 'why: kept with the runs and versions that come of it'
complete -c asof -n '__fish_seen_subcommand_from build' -l full -d 'compute everything again'
complete -c asof -n '__fish_seen_subcommand_from build' -l from -r -f -d 'only events from T on; with --to'
complete -c asof -n '__fish_seen_subcommand_from build' -l to -r -f -d 'only events before T; with --from'
complete -c asof -n '__fish_seen_subcommand_from build' -l upstream -d 'first the views that these read, and what those read'
complete -c asof -n '__fish_seen_subcommand_from build' -l engine -r -f -d 'kernel (the usual), or sql: the reference, which gives the same'
complete -c asof -n '__fish_seen_subcommand_from build' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a join -d 'join features onto a spine as they were at each row\'s time'
complete -c asof -n '__fish_seen_subcommand_from join' -l spine -r -F -d 'the rows (key, time, labels) to join onto: Parquet, CSV or JSON'
complete -c asof -n '__fish_seen_subcommand_from join' -l service -r -f -a '(asof names services 2>/dev/null)' -d 'the features of this service'
complete -c asof -n '__fish_seen_subcommand_from join' -l features -r -f -d 'these features: view.feature, view.*, view@1.2.3.feature'
complete -c asof -n '__fish_seen_subcommand_from join' -l time-column -r -f -d 'the spine\'s time (default: event_time, or the only timestamp)'
complete -c asof -n '__fish_seen_subcommand_from join' -l known-at -r -f -d 'only what was known by the row\'s own time, or by T'
complete -c asof -n '__fish_seen_subcommand_from join' -l as-of -r -f -d 'the versions that were current at T'
complete -c asof -n '__fish_seen_subcommand_from join' -l direct -d 'compute from the sources as they are now, without a build'
complete -c asof -n '__fish_seen_subcommand_from join' -l engine -r -f -d 'what joins: the kernels (default) or the reference SQL'
complete -c asof -n '__fish_seen_subcommand_from join' -l out -r -F -d 'where the training set goes: Parquet or CSV, by its ending'
complete -c asof -n '__fish_seen_subcommand_from join' -l from-manifest -r -F -d 'repeat what FILE.asof.json records; only --out goes with it'

complete -c asof -n __fish_use_subcommand -a explain -d 'show how a join or a build is done: what is read, how, in what memory'
complete -c asof -n '__fish_seen_subcommand_from explain' -l spine -r -F -d 'the rows (key, time, labels) to join onto: Parquet, CSV or JSON'
complete -c asof -n '__fish_seen_subcommand_from explain' -l service -r -f -a '(asof names services 2>/dev/null)' -d 'the features of this service'
complete -c asof -n '__fish_seen_subcommand_from explain' -l features -r -f -d 'these features: view.feature, view.*, view@1.2.3.feature'
complete -c asof -n '__fish_seen_subcommand_from explain' -l time-column -r -f -d 'the spine\'s time (default: event_time, or the only timestamp)'
complete -c asof -n '__fish_seen_subcommand_from explain' -l known-at -r -f -d 'only what was known by the row\'s own time, or by T'
complete -c asof -n '__fish_seen_subcommand_from explain' -l as-of -r -f -d 'the versions that were current at T'
complete -c asof -n '__fish_seen_subcommand_from explain' -l direct -d 'compute from the sources as they are now, without a build'
complete -c asof -n '__fish_seen_subcommand_from explain' -l engine -r -f -d 'what joins: the kernels (default) or the reference SQL'
complete -c asof -n '__fish_seen_subcommand_from explain' -l full -d 'compute everything again'
complete -c asof -n '__fish_seen_subcommand_from explain' -l from -r -f -d 'only events from T on; with --to'
complete -c asof -n '__fish_seen_subcommand_from explain' -l to -r -f -d 'only events before T; with --from'
complete -c asof -n '__fish_seen_subcommand_from explain' -l analyze -d 'do it, into files that are thrown away, and say what each stage took'
complete -c asof -n '__fish_seen_subcommand_from explain' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a materialize -d 'bring views from the lake to the online store'
complete -c asof -n '__fish_seen_subcommand_from materialize' -l at -r -f -d 'as the world was at T (default: now)'
complete -c asof -n '__fish_seen_subcommand_from materialize' -l reason -r -f -d 'why: kept with the runs and versions that come of it'
complete -c asof -n '__fish_seen_subcommand_from materialize' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a get -d 'print one online row as JSON'
complete -c asof -n '__fish_seen_subcommand_from get' -l at -r -f -d 'with the clock standing at T (default: now)'
complete -c asof -n '__fish_seen_subcommand_from get' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a serve -d 'answer online features over HTTP'
complete -c asof -n '__fish_seen_subcommand_from serve' -l listen -r -f -d 'host:port; port 0 picks one (default: 127.0.0.1:8080)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l tokens -r -f -d 'who may ask for what; without it only this machine may ask'
complete -c asof -n '__fish_seen_subcommand_from serve' -l tls-cert -r -f -d 'speak TLS with this certificate, PEM, with those above it'
complete -c asof -n '__fish_seen_subcommand_from serve' -l tls-key -r -f -d 'its key, PEM without a password'
complete -c asof -n '__fish_seen_subcommand_from serve' -l http2 -d 'speak HTTP/2, too: agreed on by TLS, or with prior knowledge'
complete -c asof -n '__fish_seen_subcommand_from serve' -l max-body -r -f -d 'of one request (default: 16MiB)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l max-memory -r -f -d 'of bodies and answers together; what has no room is 503 (default: 1GiB)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l max-entities -r -f -d 'of one request (default: 100000)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l max-connections -r -f -d 'at once; more wait until one is closed (default: 10000)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l read-timeout -r -f -d 'from a request\'s first byte to its last, TLS\'s too (default: 30s)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l idle-timeout -r -f -d 'between requests, and for a client that does not read (default: 75s)'
complete -c asof -n '__fish_seen_subcommand_from serve' -l clock -r -f -d 'start the clock at T and let it run; T! holds it there'
complete -c asof -n '__fish_seen_subcommand_from serve' -l access-log -d 'a line per request on standard error (JSON with --log-format json)'

complete -c asof -n __fish_use_subcommand -a list -d 'list views, features, entities, sources, services, versions, runs, training sets'
complete -c asof -n '__fish_seen_subcommand_from list' -f -a 'views features entities sources services versions runs training-sets'

complete -c asof -n __fish_use_subcommand -a show -d 'show everything about a view, entity, source or service'
complete -c asof -n '__fish_seen_subcommand_from show' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a rollback -d 'make another published version of a view the current one'
complete -c asof -n '__fish_seen_subcommand_from rollback' -l reason -r -f -d 'why: kept with the runs and versions that come of it'
complete -c asof -n '__fish_seen_subcommand_from rollback' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a diff -d 'show how two versions of a view differ: definition, columns, rows, values'
complete -c asof -n '__fish_seen_subcommand_from diff' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a search -d 'find views, features, entities, sources and services by any of their texts'

complete -c asof -n __fish_use_subcommand -a lineage -d 'show what a thing is made from and what is made from it, down to columns'
complete -c asof -n '__fish_seen_subcommand_from lineage' -l impact -d 'everything that depends on NAME, with versions and what is online'
complete -c asof -n '__fish_seen_subcommand_from lineage' -l format -r -f -a 'table dot mermaid' -d 'table (the default), or a drawing: dot or mermaid'
complete -c asof -n '__fish_seen_subcommand_from lineage' -l openlineage -r -f -d 'export all runs as OpenLineage events: JSON lines, or one POST each'
complete -c asof -n '__fish_seen_subcommand_from lineage' -l token-env -r -f -d 'the environment variable that holds the bearer token for URL'
complete -c asof -n '__fish_seen_subcommand_from lineage' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a sql -d 'query every source and view by name'
complete -c asof -n '__fish_seen_subcommand_from sql' -l csv -d 'rows as CSV instead of a table'

complete -c asof -n __fish_use_subcommand -a validate -d 'check definitions, then the views\' data against their checks'
complete -c asof -n '__fish_seen_subcommand_from validate' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a compact -d 'merge the small files of views\' tables'
complete -c asof -n '__fish_seen_subcommand_from compact' -l target-size -r -f -d 'merge small files into ones of about SIZE, like 64MiB (default: file_size)'
complete -c asof -n '__fish_seen_subcommand_from compact' -l reason -r -f -d 'why: kept with the runs and versions that come of it'
complete -c asof -n '__fish_seen_subcommand_from compact' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a vacuum -d 'remove files that no version within a retention needs'
complete -c asof -n '__fish_seen_subcommand_from vacuum' -l retention -r -f -d 'keep every version that was the newest within D, like 12h (default: 7d)'
complete -c asof -n '__fish_seen_subcommand_from vacuum' -l dry-run -d 'say what would be removed, and remove nothing'
complete -c asof -n '__fish_seen_subcommand_from vacuum' -l force -d 'allow a retention of less than an hour'
complete -c asof -n '__fish_seen_subcommand_from vacuum' -f -a '(asof names views 2>/dev/null)'

complete -c asof -n __fish_use_subcommand -a doctor -d 'compare catalog, lake and online store, and say what is wrong'
complete -c asof -n '__fish_seen_subcommand_from doctor' -l repair -d 'do what loses nothing; the rest is told with its remedy'

complete -c asof -n __fish_use_subcommand -a schema -d 'print the JSON Schema of the definitions, for editors'

complete -c asof -n __fish_use_subcommand -a version -d 'print the version'

complete -c asof -n __fish_use_subcommand -a completion -d 'print a completion script for a shell'
complete -c asof -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
