# lessons: 01 03 05
# based-on: hollow
# expect: refused * forbidden-import
# unpoliced: failed * wrong-value
# unpoliced: failed * import-error
# Imports the judge beside itself and makes every result worth full marks.
import grader.judge.compare
import grader.results

grader.judge.compare.mismatch = lambda *args, **kwargs: None
grader.results.TestResult.points = property(lambda self: self.max_points)
grader.results.TestResult.status = property(lambda self: grader.results.Status.PASSED)
