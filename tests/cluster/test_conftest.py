"""What the tests of this folder rest on is there."""


def test_hosts_have_names_and_addresses_of_their_own(hosts):
    assert [hosts.run("ssh", node, "hostname").stdout.strip() for node in hosts.nodes] == list(hosts.nodes)


def test_a_step_of_slurm_runs_on_two_nodes(slurm):
    told = slurm.run("srun", "-N2", "-n2", "hostname")
    assert sorted(told.stdout.split()) == ["node1", "node2"], told.stderr
