"""Gates, rollout, prices and wording of a policy; imports domain only."""
