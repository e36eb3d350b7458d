from dataflow import lower
from dataflow.report import print_folding
from network import load


def test_folding(toy_yaml, capsys, golden):
    print_folding(lower(load(toy_yaml)))
    golden("toy/folding.txt", capsys.readouterr().out)
