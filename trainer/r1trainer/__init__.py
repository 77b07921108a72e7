"""The trainer of r1ctl: one program that runs one job of a recipe.

``python -m r1trainer job.json`` reads a job file (docs/job-contract.md), does
what its kind asks, and fills the job's output folders. The modules:

* ``job``, ``metrics``, ``checkpoint``, ``errors``, ``signals``: the contract;
* ``rows``, ``templates``, ``models``, ``generate``, ``verifier``: what several kinds share;
* ``grpo``, ``sft``, ``reward_model``, ``sample``, ``evaluate``, ``base``: the kinds.
"""

__version__ = "1.0.0"
