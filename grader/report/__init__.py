"""A report for people and for programs: terminal, JSON, HTML, JUnit.

Everything here takes finished results and writes them down. It knows ``grader.results``,
``grader.lesson``, ``grader.lesson_tests`` and ``grader.errors``, never how a verdict came about.
"""
