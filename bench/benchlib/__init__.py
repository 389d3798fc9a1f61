"""The runner of corevent's bench: starts servers, loads them in interleaved rounds, reports
figures and plots."""
