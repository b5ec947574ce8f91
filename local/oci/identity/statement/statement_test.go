package statement

import (
	"maps"
	"strings"
	"testing"
)

// backups is the statement of the stack's backup jobs.
const backups = "Allow any-user to manage objects in compartment id ocid1.compartment.oc1..c where all {" +
	"request.principal.type = 'workload', request.principal.namespace = 'guestbook', " +
	"request.principal.service_account = 'backup', request.principal.cluster_id = 'ocid1.cluster.oc1.iad.k', " +
	"target.bucket.name = 'backups'}"

// asks is a request of a backup job.
func asks(permission string, changed ...string) Access {
	a := Access{permission, "ocid1.compartment.oc1..c", map[string]string{
		"request.principal.type": "workload", "request.principal.namespace": "guestbook",
		"request.principal.service_account": "backup", "request.principal.cluster_id": "ocid1.cluster.oc1.iad.k",
		"target.bucket.name": "backups",
	}}
	for i := 0; i < len(changed); i += 2 {
		a.Variables[changed[i]] = changed[i+1]
	}
	return a
}

func TestAllows(t *testing.T) {
	elsewhere, without := asks("OBJECT_READ"), asks("OBJECT_READ")
	elsewhere.Compartment = "ocid1.compartment.oc1..other"
	without.Variables = maps.Clone(without.Variables)
	delete(without.Variables, "target.bucket.name")
	const anyUser = "Allow any-user to read objects in tenancy where "
	for _, test := range []struct {
		name, statement string
		access          Access
		want            bool
	}{
		{"backup reads", backups, asks("OBJECT_READ"), true},
		{"backup makes an object", backups, asks("OBJECT_CREATE"), true},
		{"another right", backups, asks("BUCKET_READ"), false},
		{"another bucket", backups, asks("OBJECT_READ", "target.bucket.name", "other"), false},
		{"another account", backups, asks("OBJECT_READ", "request.principal.service_account", "default"), false},
		{"another cluster", backups, asks("OBJECT_READ", "request.principal.cluster_id", "ocid1.cluster.oc1.iad.o"), false},
		{"another compartment", backups, elsewhere, false},
		{"no bucket", backups, without, false},
		{"letters of another case", backups, asks("OBJECT_READ", "target.bucket.name", "Backups"), true},
		{"no condition", "ALLOW any-user TO use object-family IN tenancy", elsewhere, true},
		{"weaker verb", "Allow any-user to use objects in tenancy", asks("OBJECT_CREATE"), false},
		{"permissions", "Allow any-user to {OBJECT_CREATE, OBJECT_READ} in tenancy", asks("OBJECT_CREATE"), true},
		{"not of the permissions", "Allow any-user to {OBJECT_CREATE} in tenancy", asks("OBJECT_READ"), false},
		{"any", anyUser + "any {target.bucket.name = 'x', target.bucket.name = /back*/}", asks("OBJECT_READ"), true},
		{"none of any", anyUser + "any {target.bucket.name = 'x', target.bucket.name = /back/}", asks("OBJECT_READ"), false},
		{
			"nested", anyUser + "all {request.principal.type = 'workload', any {target.bucket.name != 'x'}}",
			asks("OBJECT_READ"), true,
		},
		{"unequal", anyUser + "target.bucket.name != 'backups'", asks("OBJECT_READ"), false},
		{"unequal to what is not known", anyUser + "target.object.name != 'x'", asks("OBJECT_READ"), false},
	} {
		s, err := Parse(test.statement)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := s.Allows(test.access); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestUnknownStatements(t *testing.T) {
	for text, want := range map[string]string{
		"Allow group Admins to manage all-resources in tenancy":                      "is not: allow any-user",
		"Allow any-user to read objects in compartment team":                         "is not: allow any-user",
		"Allow any-user to read objects in tenancy where target.bucket.name":         "comparison",
		"Allow any-user to read objects in tenancy where all {a = 'b'":               "brace",
		"Allow any-user to read objects in tenancy where target.bucket.name = 'a' b": "too much",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
