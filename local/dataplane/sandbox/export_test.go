package sandbox

// Cgroup is the path of the control group of a data plane with its files in a directory.
var Cgroup = cgroup
