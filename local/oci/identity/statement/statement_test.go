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
	a := Access{[]string{AnyUser}, permission, []string{"ocid1.compartment.oc1..c", "team"}, map[string]string{
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
	elsewhere.Compartment = []string{"ocid1.compartment.oc1..other", "other"}
	node, storage := asks("OBJECT_READ"), asks("OBJECT_READ")
	node.Subjects = append(node.Subjects, Group("ocid1.dynamicgroup.oc1..G", "Nodes")...)
	storage.Subjects = []string{Service("blockstorage")}
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
		{"compartment by name", "Allow any-user to read objects in compartment team", asks("OBJECT_READ"), true},
		{"another compartment by name", "Allow any-user to read objects in compartment team", elsewhere, false},
		{"dynamic group", "Allow dynamic-group nodes to read objects in tenancy", node, true},
		{"dynamic group of a domain", "Allow dynamic-group 'Default'/'Nodes' to read objects in tenancy", node, true},
		{
			"dynamic group by OCID", "Allow dynamic-group id ocid1.dynamicgroup.oc1..g to read objects in tenancy",
			node, true,
		},
		{"one of two groups", "Allow dynamic-group others, nodes to read objects in tenancy", node, true},
		{"another group", "Allow dynamic-group others to read objects in tenancy", node, false},
		{"no member", "Allow dynamic-group nodes to read objects in tenancy", asks("OBJECT_READ"), false},
		{"group of users", "Allow group nodes to read objects in tenancy", node, false},
		{"service", "Allow service blockstorage to read objects in tenancy", storage, true},
		{"another service", "Allow service objectstorage-us-ashburn-1 to read objects in tenancy", storage, false},
		{"all resources", "Allow any-user to manage all-resources in tenancy", asks("SUBNET_ATTACH"), true},
		{"family", "Allow any-user to use virtual-network-family in tenancy", asks("SUBNET_ATTACH"), true},
		{
			"family with a weaker verb", "Allow any-user to read virtual-network-family in tenancy",
			asks("SUBNET_ATTACH"), false,
		},
		{"family of others", "Allow any-user to manage volume-family in tenancy", asks("SUBNET_ATTACH"), false},
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
		"Allow any-user to peruse objects in tenancy":                                "No permissions found",
		"Allow group Admins to own all-resources in tenancy":                         `the verb "own"`,
		"Allow any-user to manage autonomous-databases in tenancy":                   "a resource type",
		"Deny any-user to read objects in tenancy":                                   "is not: Allow any-user",
		"Allow resource clusters to read objects in tenancy":                         "is not: Allow any-user",
		"Allow any-user to read objects in tenancy where target.bucket.name":         "comparison",
		"Allow any-user to read objects in tenancy where all {a = 'b'":               "brace",
		"Allow any-user to read objects in tenancy where target.bucket.name = 'a' b": "too much",
		"Allow any-user to read objects in tenancy where request.region in x":        "comparison",
	} {
		s, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err == nil && s.Allows(asks("OBJECT_READ")) {
			t.Errorf("%s: it allows", text)
		}
	}
}

func TestRules(t *testing.T) {
	node := map[string]string{"instance.id": "ocid1.instance.oc1.iad.i", "instance.compartment.id": "c"}
	for rule, want := range map[string]bool{
		"instance.compartment.id = 'c'":                                             true,
		"ALL {instance.compartment.id = 'c', instance.id = 'x'}":                    false,
		"Any {instance.id = 'x', ALL {instance.id = 'ocid1.instance.oc1.iad.i'}}":   true,
		"All {resource.type = 'cluster', resource.compartment.id = 'c'}":            false,
		"Any {tag.department.operations.value, instance.id != 'x'}":                 true, // refused
		"ALL {instance.compartment.id = 'c', tag.department.operations.value='45'}": false,
	} {
		r, err := ParseRule(rule)
		switch {
		case strings.Contains(rule, "value,"):
			if err == nil {
				t.Errorf("%s is read", rule)
			}
		case err != nil:
			t.Errorf("%s: %v", rule, err)
		case r.Matches(node) != want:
			t.Errorf("%s: %v, want %v", rule, !want, want)
		}
	}
}
