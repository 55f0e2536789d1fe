"""Gates between the outside and the agents: whose words count, what a text may hide, what a patch may be."""
