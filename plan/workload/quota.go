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
// that prepares the database. A database Pod counts for no less than a helper, which is its first step. It counts while the
// database lives elsewhere too: on the way there the own one ends last, after the frontend's update.
func (g *Guestbook) Need() Resources {
	frontends := 2 * g.FrontendMaxReplicas
	const helpers = 2
	return Resources{
		CPUMillis: frontends*g.FrontendCPUMillis + g.MongoReplicas*max(g.MongoCPUMillis, Helper.CPUMillis) + helpers*Helper.CPUMillis,
		MemoryMB:  frontends*g.FrontendMemoryMB + g.MongoReplicas*max(g.MongoMemoryMB, Helper.MemoryMB) + helpers*Helper.MemoryMB,
		Pods:      frontends + g.MongoReplicas + helpers,
	}
}
