"""Kind `sample`: several verified responses to each prompt."""

from __future__ import annotations

from r1trainer.errors import ConfigError
from r1trainer.job import Job
from r1trainer.measure import summarize
from r1trainer.metrics import Metrics
from r1trainer.rewards import PREFERENCE, read_specs
from r1trainer.rows import read_rows
from r1trainer.sampling import Sampling, Settings, read_back


def run(job: Job) -> None:
    """Fills output `samples` with one row a response, from inputs `model` and `prompts`, in the prompts' order."""
    settings = Settings.from_params(job.params, greedy=False)
    specs = read_specs(job.params)
    if any(spec.name == PREFERENCE for spec in specs):
        raise ConfigError("params.rewards: the preference reward needs a kind that takes reward models, as grpo does")
    problems = read_rows(job.input("prompts"), ("prompt",))
    rows_file = job.output("samples") / "samples.jsonl"
    with Metrics(job.metrics) as metrics:
        sampling = Sampling(job, settings, specs, problems, rows_file)
        sampling.run(metrics)
        metrics.summary(sampling.total, summarize(read_back(rows_file)))
