# What the linked design takes, cell by cell, and how fast it is: v++ has Vivado run this after the last step
# of implementation, physical optimization of the routed design.
# UNCONFIRMED: that the working folder is then that of the run (link/vivado/vpl/prj/prj.runs/impl_1); vitis/jobs.py looks for the
# files by their names anywhere below link/.
report_utilization -hierarchical -format xml -file resflow_utilization.xml
report_timing_summary -file resflow_timing.rpt
