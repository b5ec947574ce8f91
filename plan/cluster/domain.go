package cluster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// domainNumber matches the end of an availability domain's name.
var domainNumber = regexp.MustCompile(`-AD-(\d)$`)

// PickDomains returns the availability domains with the given numbers, or all of them if there are no numbers.
func PickDomains(domains []string, numbers []int) ([]string, error) {
	if len(numbers) == 0 {
		return domains, nil
	}
	var picked []string
	for _, n := range numbers {
		i := slices.IndexFunc(domains, func(d string) bool {
			m := domainNumber.FindStringSubmatch(d)
			return m != nil && m[1] == strconv.Itoa(n)
		})
		if i < 0 {
			return nil, fmt.Errorf("the region has no availability domain %d; it has %v", n, domains)
		}
		picked = append(picked, domains[i])
	}
	return picked, nil
}

// FaultDomains returns the names of the fault domains with the given numbers.
func FaultDomains(numbers []int) []string {
	var names []string
	for _, n := range numbers {
		names = append(names, fmt.Sprintf("FAULT-DOMAIN-%d", n))
	}
	return names
}
