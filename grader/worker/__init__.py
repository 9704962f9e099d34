"""The untrusted side: the process in which students' code runs.

Gets inputs, gives outputs, nothing more. Imports only ``grader.protocol`` and itself; knows
neither oracle nor points nor tests. Whatever it reports is checked or counts as evidence only.
"""
