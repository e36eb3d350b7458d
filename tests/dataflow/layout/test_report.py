from dataflow import plan
from dataflow.layout.report import print_folding
from network import load


def test_folding(toy_yaml, capsys, golden):
    print_folding(plan(load(toy_yaml)))
    golden("toy/folding.txt", capsys.readouterr().out)
