"""Reading the reports of the vendor's tools, as text or XML. What a report says is up to hls, ipi and vitis."""
