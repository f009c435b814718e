"""Writers for TensorBoard, MLflow and W&B: what each tool is given, and, where it is installed, what it then has."""

import math
import sys
import time
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

from hyra.results.writers import check_destination, open_writer

SETTINGS = {"plan": {"scores": ["psnr"], "protocol": "y"}, "commit": None}
ROWS = [["a|b", 30.0, ""], ["c\udc80", math.nan, "broken"]]


def fill(writer):
    with writer:
        writer.add_scalar("psnr/EDSR+ x4", 30.5, 7)
        writer.add_settings(SETTINGS)
        writer.add_table("scores/EDSR+ x4", ("image", "psnr", "error"), ROWS)


@pytest.mark.parametrize("text", ["", "tensorboard", "mlflow:", "csv:file", ":x", "WANDB:x"])
def test_an_unknown_destination_is_one_sentence(text):
    for function in (check_destination, lambda text: open_writer(text, "run")):
        with pytest.raises(ValueError, match=r"^destination must be tensorboard:DIR, mlflow:URI or wandb:PROJECT, got"):
            function(text)


@pytest.mark.parametrize("tool", ["tensorboard", "mlflow", "wandb"])
def test_a_tool_that_is_not_installed_names_the_extra(tool, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, tool, None)
    for function in (check_destination, lambda text: open_writer(text, "run")):
        with pytest.raises(ModuleNotFoundError, match=rf"^writing to {tool} needs .*pip install 'hyra\[track\]'"):
            function(f"{tool}:https://user:secret@host")


def fake(monkeypatch, name, **members):
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_what_tensorboard_is_given(monkeypatch):
    writer = MagicMock()
    fake(monkeypatch, "torch.utils.tensorboard", SummaryWriter=lambda where: writer if where == "curves" else None)
    fill(open_writer("tensorboard:curves", "first", ["nightly"]))
    writer.add_scalar.assert_called_once_with("psnr/EDSR+ x4", 30.5, 7)
    (title, text, step), _ = writer.add_text.call_args
    assert (title, step) == ("settings", 7)
    lines = [line.strip() for line in text.splitlines()]
    assert lines == ["run: first", "tags: nightly", "plan/scores: ['psnr']", "plan/protocol: y", "commit: None"]
    ((tag, values, step), _) = writer.add_histogram.call_args
    assert (tag, values.tolist(), step) == ("scores/EDSR+ x4/psnr", [30.0], 7)
    writer.close.assert_called_once_with()


@pytest.mark.parametrize("known", [False, True])
def test_what_mlflow_is_given(monkeypatch, known):
    client = MagicMock()
    client.get_experiment_by_name.return_value = SimpleNamespace(experiment_id="5") if known else None
    client.create_experiment.return_value = "6"
    client.create_run.return_value = SimpleNamespace(info=SimpleNamespace(run_id="r"))
    fake(monkeypatch, "mlflow", MlflowClient=lambda tracking_uri: client if tracking_uri == "sqlite:///a.db" else None)
    fill(open_writer("mlflow:sqlite:///a.db", "first", ["a+b"]))
    client.create_run.assert_called_once_with("5" if known else "6", run_name="first", tags={"a_2b_b": "true"})
    client.log_metric.assert_called_once_with("r", "psnr/EDSR_2b_ x4", 30.5, step=7)
    params = {call.args[1]: call.args[2] for call in client.log_param.call_args_list}
    assert params == {"plan/scores": "['psnr']", "plan/protocol": "y", "commit": "None"}
    (run, text, file), _ = client.log_text.call_args
    assert (run, file) == ("r", "scores/EDSR_2b_ x4.csv")
    assert text == "image,psnr,error\na|b,30.0,\nc\\udc80,nan,broken\n"
    client.set_terminated.assert_called_once_with("r")


def test_what_wandb_is_given(monkeypatch):
    run, library = MagicMock(), MagicMock()
    library.init.return_value = run
    fake(monkeypatch, "wandb", init=library.init, Table=lambda columns, data: (columns, data))
    fill(open_writer("wandb:sr", "first", ["x" * 100, ""]))
    library.init.assert_called_once_with(project="sr", name="first", tags=["x" * 64])
    assert run.log.call_args_list[0].args == ({"psnr/EDSR+ x4": 30.5},)
    assert run.log.call_args_list[0].kwargs == {"step": 7}
    run.config.update.assert_called_once_with(SETTINGS)
    ((name, (columns, data)),) = run.log.call_args_list[1].args[0].items()
    assert (name, columns, data[0]) == ("scores/EDSR+ x4", ["image", "psnr", "error"], ["a|b", 30.0, ""])
    run.finish.assert_called_once_with()


def test_tensorboard_reads_it(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fill(open_writer(f"tensorboard:{tmp_path}", "first"))
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    (event,) = events.Scalars("psnr/EDSR+ x4")
    assert (event.step, event.value) == (7, 30.5)
    assert events.Tags()["histograms"] == ["scores/EDSR+ x4/psnr"]


def test_mlflow_reads_it(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "runs").as_uri()
    for name in ("first", "second"):
        fill(open_writer(f"mlflow:{uri}", name, ["nightly"]))
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = client.search_runs([client.get_experiment_by_name("hyra").experiment_id])
    assert {run.info.run_name for run in runs} == {"first", "second"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert runs[0].data.metrics == {"psnr/EDSR_2b_ x4": 30.5}
    assert runs[0].data.params["plan/protocol"] == "y"
    assert runs[0].data.tags["nightly"] == "true"
    files = list((tmp_path / "runs").glob("*/*/artifacts/scores/EDSR_2b_ x4.csv"))
    assert [file.read_text().splitlines()[1] for file in files] == 2 * ["a|b,30.0,"]


def stored(log):
    """The records of W&B's own file, which is a LevelDB log: one may lie in pieces, each after a head of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, pieces = log.read_bytes(), 7, b""
    while at + 7 <= len(content):
        rest = 32768 - at % 32768
        if rest < 7:  # of a block, in which no head has room
            at += rest
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        if at + 7 + length > len(content):
            return
        pieces += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield Record.FromString(pieces)
            pieces = b""


def test_wandb_writes_it_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)
    fill(open_writer("wandb:sr", "first", ["nightly"]))
    (log,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    for _ in range(300):  # W&B's own process may still be writing
        records = list(stored(log))
        if any(record.HasField("exit") for record in records):
            break
        time.sleep(0.1)
    numbers, tags = {}, []
    for record in records:
        numbers |= {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
        tags += record.run.tags
    assert numbers["psnr/EDSR+ x4"] == "30.5"
    assert "nightly" in tags
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/table/scores/*.table.json"))
