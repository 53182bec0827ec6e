"""The benchmark of the networks and the measures, and the plain ones that it compares with."""
