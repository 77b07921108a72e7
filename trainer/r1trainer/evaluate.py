"""Kind `evaluate`: how well a model does on held-out problems."""

from __future__ import annotations

from r1trainer.job import Job
from r1trainer.measure import Report
from r1trainer.metrics import Metrics
from r1trainer.rewards import read_specs
from r1trainer.rows import read_rows
from r1trainer.sampling import Sampling, Settings, read_back


def run(job: Job) -> None:
    """Fills output `report` with metrics.json and samples.jsonl, from inputs `model` and `problems`, and from `helpful`
    and `safety` where a reward is `preference`."""
    settings = Settings.from_params(job.params, greedy=job.params.flag("greedy", False))
    specs = read_specs(job.params)
    problems = read_rows(job.input("problems"), ("prompt",))
    folder = job.output("report")
    with Metrics(job.metrics) as metrics:
        sampling = Sampling(job, settings, specs, problems, folder / "samples.jsonl")
        sampling.run(metrics)
        report = Report.of(list(read_back(folder / "samples.jsonl")), problems)
        (folder / "metrics.json").write_text(report.json(), encoding="utf-8")
        metrics.summary(sampling.total, report.line())
