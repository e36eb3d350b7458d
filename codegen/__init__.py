"""What hls, ipi and vitis share, and what every command line needs. Imports none of the other packages.

errors         the error in four parts that all errors for people derive from
text/          templates, files that are written only when their content changes
tools/         finding and running a tool: its environment, its supervisor, its release, what its log says
reports/       reading the reports of the vendor's tools
jobs/          tool runs as values: their cache, their limits, this machine or a cluster
build_state/   what a build folder keeps between builds
cli/           console, options, progress
sources        which of our own files a piece of code depends on
worker         a worker of the cluster, to be started by hand
"""
