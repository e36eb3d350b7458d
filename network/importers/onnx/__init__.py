"""Import quantized ONNX graphs: QONNX of Brevitas and qonnx, QDQ of onnxruntime.

graph       the file as nodes and constants, checked
constants   what constant subgraphs come to
values      what a tensor is in whole numbers: a source, and the stages of a step function behind it
operators   node by node from tensors to tensors; layers and quantizers beside it
match       stem, blocks and head
lower       thresholds, weights and factors: the arrays of network.parameters
write       the description
table       what was imported, for people
check       the graph's own evaluation against network.reference
calibrate   a float network through onnxruntime's quantizer
"""
