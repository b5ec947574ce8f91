package doctor_test

// tagged are the settings with a defined tag, in a tenancy with one namespace and its keys.
func tagged(tag string) func(*setup) {
	const path, namespace = "/20160918/tagNamespaces", "ocid1.tagnamespace.oc1..operations"
	return and(
		set("definedTags", map[string]string{tag: "42"}),
		answer(path, `[{"id":"`+namespace+`","name":"Operations"}]`),
		answer(path+"/"+namespace+"/tags", `[{"id":"a","name":"CostCenter"},{"id":"b","name":"Team","isRetired":true}]`),
	)
}

var tagFindings = []finding{
	{"exist", tagged("operations.CostCenter"), []string{"✓ 1 defined tags exist"}},
	{"namespace", tagged("Operatoins.CostCenter"), []string{
		"✗ definedTags: Operatoins.CostCenter: this user sees no tag namespace Operatoins, but Operations",
		"change definedTags in the stack's configuration",
	}},
	{"key", tagged("Operations.CostCentre"), []string{
		"✗ definedTags: Operations.CostCentre: the tag namespace Operations has no key CostCentre, but CostCenter, Team",
	}},
	{"retired", tagged("Operations.Team"), []string{"✗ definedTags: Operations.Team is retired"}},
	{"another namespace", tagged("Finance.Team"), []string{"– definedTags: Finance.Team is not checked"}},
	{"retired, and the stack exists", and(tagged("Operations.Team"), running("publicEndpoint", listening)), []string{
		"– definedTags: Operations.Team is retired: resources keep it",
	}},
	{"none is seen", set("definedTags", map[string]string{"a.b": "42"}), []string{
		"– definedTags: this user sees no tag namespaces of the tenancy",
	}},
	{
		"the list is refused",
		and(set("definedTags", map[string]string{"a.b": "42"}), without("/20160918/tagNamespaces")),
		[]string{"– definedTags: this user sees no tag namespaces"},
	},
}
