"""`asof init`: a project that works, and nothing that was there is touched."""
import unittest

from project import Project, run
from steps import answer, build, files, read_parquet, refused


class Init(unittest.TestCase):
    def setUp(self):
        self.shop = Project()
        self.addCleanup(self.shop.remove)
        self.new = self.shop.dir / "new"

    def asof(self, *args):
        result = run("-C", str(self.new), *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_the_project_goes_all_the_way_at_once(self):
        made = answer(self.shop, "init", "new")
        self.assertEqual(made["dir"], "new")
        self.assertEqual(sorted(made["files"]), sorted(str(path.relative_to(self.new)) for path in self.new.rglob("*.*")
                                                       if path.is_file()))
        self.asof("plan")
        self.asof("build")
        self.asof("validate")
        self.asof("join", "--spine", "data/spine.csv", "--service", "churn_model", "--out", "train.parquet")
        self.assertEqual(len(read_parquet(self.shop, "new/train.parquet")), 40)
        self.asof("materialize")
        self.assertIn('"PRESENT"', self.asof("get", "spending", "customer_id=1"))
        self.asof("plan")

    def test_the_same_project_is_made_each_time(self):
        answer(self.shop, "init", "new")
        answer(self.shop, "init", "other")
        other = self.shop.dir / "other"
        for path in self.new.rglob("*.*"):
            if path.is_file():
                self.assertEqual(path.read_bytes(), (other / path.relative_to(self.new)).read_bytes())

    def test_where_one_file_exists_none_is_written(self):
        self.shop.write("new/data/spine.csv", "mine")
        before = files(self.shop)
        self.assertIn("data/spine.csv", refused(self, 4, self.shop, "init", "new"))
        self.assertEqual(files(self.shop), before)

    def test_an_empty_directory_that_exists_is_fine(self):
        self.new.mkdir()
        answer(self.shop, "init", "new")
        self.asof("plan")

    def test_a_place_that_cannot_be_made_exits_1(self):
        self.assertIn("no/such/place", refused(self, 1, self.shop, "init", "no/such/place"))
        self.assertIn("asof.yaml", refused(self, 1, self.shop, "init", "asof.yaml"))

    def test_needs_no_project(self):
        bare = self.shop.dir / "bare"
        bare.mkdir()
        result = run("init", cwd=bare)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((bare / "asof.yaml").is_file())

    def test_a_broken_project_around_it_does_not_matter(self):
        self.shop.write("asof.yaml", "not: [yaml")
        answer(self.shop, "init", "new")
        self.assertEqual({view["version"] for view in build(NewProject(self.new)).values()}, {"1.0.0"})


class NewProject:
    """What init made, with the words of Project."""

    def __init__(self, path):
        self.dir = path

    def done(self, *args):
        result = run(*args, cwd=self.dir)
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        return result.stdout


if __name__ == "__main__":
    unittest.main()
