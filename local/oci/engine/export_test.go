package engine

// For the tests, which are outside of the package because they run a whole cloud.
const (
	MaxSkew        = maxSkew
	RetryTokenLife = retryTokenLife
	SaveRetryDelay = saveRetryDelay
	SnapshotFile   = snapshotFile
	KeepRemoved    = keepRemoved
)
