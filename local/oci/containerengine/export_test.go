package containerengine

// ClusterCreateTime is for the tests, which are outside of the package because they run a whole cloud.
const ClusterCreateTime = clusterCreateTime
