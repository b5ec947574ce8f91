package oci

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"
)

// What exists in every local cloud. The OCIDs are well known, so that a stack's settings can name them.
const (
	Region          = "us-ashburn-1"
	RegionKey       = "iad"
	TenancyID       = "ocid1.tenancy.oc1..aaaaaaaalocalcloudtenancy"
	CompartmentID   = "ocid1.compartment.oc1..aaaaaaaalocalcloudcompartment"
	UserID          = "ocid1.user.oc1..aaaaaaaalocalclouduser"
	TenancyName     = "local"
	Namespace       = "localcloud" // of Object Storage
	CompartmentName = "oke-guestbook"
)

// AvailabilityDomains are the region's, by name.
var AvailabilityDomains = []string{"Uocm:US-ASHBURN-AD-1", "Uocm:US-ASHBURN-AD-2", "Uocm:US-ASHBURN-AD-3"}

// FaultDomains are those of each availability domain.
var FaultDomains = []string{"FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"}

// globalKinds have no region in their OCIDs.
var globalKinds = []string{"policy", "dynamicgroup"}

var ocidEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newOCID(kind string) string {
	b := make([]byte, 30)
	rand.Read(b) // never fails
	region := RegionKey
	if slices.Contains(globalKinds, kind) {
		region = ""
	}
	return "ocid1." + kind + ".oc1." + region + ".aaaaaaaa" + ocidEncoding.EncodeToString(b)
}

func newRequestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return strings.ToUpper(hex.EncodeToString(b))
}

func isCompartment(id string) bool { return id == TenancyID || id == CompartmentID }
