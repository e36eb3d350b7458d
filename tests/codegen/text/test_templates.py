import jinja2
import pytest

from codegen.text.templates import pascal, render


def test_templates_refuse_undefined_names(tmp_path):
    (tmp_path / "a.j2").write_text("{{ here }} {{ nowhere }}\n")
    with pytest.raises(jinja2.UndefinedError, match="'nowhere' is undefined"):
        render(tmp_path, "a.j2", here=1)


@pytest.mark.parametrize(("name", "expected"), [("conv1", "Conv1"), ("conv1_dwc", "Conv1Dwc"), ("max_pool", "MaxPool")])
def test_pascal(name, expected):
    assert pascal(name) == expected
