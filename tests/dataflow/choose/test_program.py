"""Mixed-integer programs: what is printed on the way."""

import os
import threading

from dataflow.choose.program import Program, without_remarks

HIGHS = "HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();\n"


def test_the_solver_says_nothing(capfd):
    """Whole numbers that a large weight makes infeasible by rounding: HiGHS (scipy 1.17) prints of it although its log is off."""
    program = Program()
    for most, whole in [(100, True), (1, True), (100, True), (1e5, True), (1, True), *[(10, False)] * 4, *[(1e6, False)] * 3]:
        program.variables(1, most=most, integer=whole)
    program.constraint({8: 2.141569290329784, 0: 3.5367098670666266, 6: 1, 11: -1, 9: -35244.54844364065}, least=-19.264788282702128)
    program.constraint(
        {8: 25772.35883462445, 4: 9.453826456477191e-05, 0: -1, 9: -54071.96444121245, 5: -85353.76753744482},
        least=-3.9078542515138706,
        most=-3.9078542515138706,
    )
    program.constraint({4: -1, 3: -1, 9: 3.162801934805333e-05}, least=-4.806918133807528)
    weights = (-2.2497252967232138, -2.8384242132481337, 2.969418923307602, -0.587754288291845, 2.3496671000290394, -1.2165321826553845)
    weights += (2.479836706478748, 2.578588994090868, -0.21108578502884345, -2.8697020929435046, -0.2779346712016557, 0.3743161003404092)
    for variable, weight in enumerate(weights):
        program.cost(variable, weight)
    solution = program.solve()
    assert solution is not None
    assert solution.values[:4].round().tolist() == [100, 1, 0, 4]
    assert capfd.readouterr() == ("", "")


def test_only_remarks_of_the_solver_are_left_out(capfd):
    """Other threads may print in the meantime; nothing of theirs is lost, and standard output is there again afterwards."""
    with without_remarks():
        thread = threading.Thread(target=lambda: os.write(1, f"one\n{HIGHS}two\n{HIGHS}".encode()))
        thread.start()
        thread.join()
        assert capfd.readouterr().out == ""
    os.write(1, b"three\n")
    assert capfd.readouterr().out == "one\ntwo\nthree\n"


def test_without_standard_output():
    kept = os.dup(1)
    os.close(1)
    try:
        with without_remarks():
            pass
    finally:
        os.dup2(kept, 1)
        os.close(kept)
