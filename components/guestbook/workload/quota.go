package workload

// Resources is what Pods ask for.
type Resources struct {
	CPUMillis int // thousandths of a CPU
	MemoryMB  int // MiB; requests and limits are the same
	Pods      int
}

// Helper is what a Pod asks for that runs now and then: a job, or the side of a Pod that only copies files.
var Helper = Resources{CPUMillis: 100, MemoryMB: 256, Pods: 1}

// Need returns the most that the guestbook's Pods ask for at one time: every replica that the autoscaler may start, twice,
// as the old ones of an update drain beside all the new ones; the database; and two helpers, such as a backup and the job
// that prepares the database. A database Pod counts for no less than a helper, which is its first step.
func (g *Guestbook) Need() Resources {
	frontends := 2 * g.FrontendMaxReplicas
	databases := 0
	if g.OwnDatabase() {
		databases = g.MongoReplicas
	}
	const helpers = 2
	return Resources{
		CPUMillis: frontends*g.FrontendCPUMillis + databases*max(g.MongoCPUMillis, Helper.CPUMillis) + helpers*Helper.CPUMillis,
		MemoryMB:  frontends*g.FrontendMemoryMB + databases*max(g.MongoMemoryMB, Helper.MemoryMB) + helpers*Helper.MemoryMB,
		Pods:      frontends + databases + helpers,
	}
}
