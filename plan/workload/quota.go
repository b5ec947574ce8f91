package workload

// Resources is what Pods ask for.
type Resources struct {
	CPUMillis int // thousandths of a CPU
	MemoryMB  int // MiB; requests and limits are the same
	Pods      int
}

// Helper is what a job asks for, or a container that only copies files. A backup and a restore use 65 MiB
// (docs/benchmarks.md).
var Helper = Resources{CPUMillis: 100, MemoryMB: 128, Pods: 1}

// Need returns the most that the guestbook's Pods ask for at one time: twice as many frontends as the autoscaler may
// start, because during an update the old ones drain while all the new ones run; the database; and two helpers, such as
// a backup and the job that prepares the database, with one more that posts metrics. The database counts with
// externalDatabase too: when that is set, the own database ends last, after the frontend's update.
func (g *Guestbook) Need() Resources {
	helpers := 2
	if g.Measured {
		helpers++
	}
	frontends, database := 2*g.FrontendMaxReplicas, g.databasePod()
	return Resources{
		CPUMillis: frontends*g.FrontendCPUMillis + g.MongoReplicas*database.CPUMillis + helpers*Helper.CPUMillis,
		MemoryMB:  frontends*g.FrontendMemoryMB + g.MongoReplicas*database.MemoryMB + helpers*Helper.MemoryMB,
		Pods:      frontends + g.MongoReplicas + helpers,
	}
}

// Steady returns what the guestbook's Pods ask for while nothing but a rolling update of the frontend goes on, which
// adds one: less cannot be scheduled. A job is among them, such as a backup. It also returns the number of frontends.
func (g *Guestbook) Steady() (r Resources, frontends int) {
	frontends = max(g.FrontendReplicas, g.FrontendMinReplicas) + 1
	r = Resources{CPUMillis: frontends * g.FrontendCPUMillis, MemoryMB: frontends * g.FrontendMemoryMB, Pods: frontends}
	if g.OwnDatabase() {
		database := g.databasePod()
		r.CPUMillis += g.MongoReplicas * database.CPUMillis
		r.MemoryMB += g.MongoReplicas * database.MemoryMB
		r.Pods += g.MongoReplicas
		helpers := 0
		if g.Hardened() {
			helpers++
		}
		if g.Measured {
			helpers++
		}
		r.CPUMillis += helpers * Helper.CPUMillis
		r.MemoryMB += helpers * Helper.MemoryMB
		r.Pods += helpers
	}
	return r, frontends
}

// databasePod returns what a database Pod asks for: no less than a helper, which is its init container.
func (g *Guestbook) databasePod() Resources {
	return Resources{
		CPUMillis: max(g.MongoCPUMillis, Helper.CPUMillis),
		MemoryMB:  max(g.MongoMemoryMB, Helper.MemoryMB),
		Pods:      1,
	}
}
