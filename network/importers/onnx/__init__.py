"""Import quantized ONNX graphs: QONNX of Brevitas and qonnx, QDQ of onnxruntime.

graph       the file as nodes and constants, checked
values      what a tensor is in whole numbers: a source, and the stages of a step function behind it
nodes       what each operator makes of constants and tensors
operators   node by node through the graph; what cannot be taken is noted
match       stem, blocks and head
lower       thresholds, weights and factors, the arrays of network.parameters; `lowered` is what comes out
write       the description
convert     all of that, from a file to files
table       what was imported, for people
check       network.reference against the graph's own evaluation, which `evaluate` is
calibrate   a float network through onnxruntime's quantizer
arithmetic  rational numbers, step functions, the factors of joins
"""
