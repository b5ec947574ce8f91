package config

import (
	"errors"
	"net/url"
	"time"
)

// Probe holds the settings of "guestbook probe".
type Probe struct {
	URI     string        // MONGODB_URI, default the member in the same Pod
	Timeout time.Duration // MONGODB_TIMEOUT, default 8s, within the 10 s that Kubernetes gives the probe
}

// LoadProbe reads the settings of "guestbook probe" with getenv.
func LoadProbe(getenv func(string) string) (Probe, error) {
	r := reader{getenv: getenv}
	p := Probe{
		URI:     r.text("MONGODB_URI", "mongodb://127.0.0.1:27017/?directConnection=true"),
		Timeout: r.duration("MONGODB_TIMEOUT", 8*time.Second, 100*time.Millisecond, 10*time.Second),
	}
	return p, errors.Join(r.problems...)
}

// Setup holds the settings of "guestbook setup". Its Mongo has the members, the replica set and the guestbook's user.
type Setup struct {
	Mongo
	RootUser       string        // MONGODB_ROOT_USERNAME, default "root"
	RootPassFile   string        // MONGODB_ROOT_PASSWORD_FILE, required
	BackupUser     string        // BACKUP_USERNAME, default "backup"
	BackupPassFile string        // BACKUP_PASSWORD_FILE, required
	Timeout        time.Duration // SETUP_TIMEOUT, default 10m, of all steps together
}

// LoadSetup reads the settings of "guestbook setup" with getenv.
func LoadSetup(getenv func(string) string) (Setup, error) {
	r := reader{getenv: getenv}
	s := Setup{
		Mongo:          r.mongo(),
		RootUser:       r.text("MONGODB_ROOT_USERNAME", "root"),
		RootPassFile:   r.required("MONGODB_ROOT_PASSWORD_FILE", "the file with the password of the database's root user"),
		BackupUser:     r.text("BACKUP_USERNAME", "backup"),
		BackupPassFile: r.required("BACKUP_PASSWORD_FILE", "the file with the password of the user for backups"),
		Timeout:        r.duration("SETUP_TIMEOUT", 10*time.Minute, time.Second, 24*time.Hour),
	}
	if s.MongoUser == "" {
		r.add("MONGODB_USERNAME is not set: give the guestbook's user, such as guestbook")
	}
	return s, errors.Join(r.problems...)
}

// Backup holds the settings of "guestbook backup" and "guestbook restore". Its Mongo has the user for backups.
type Backup struct {
	Mongo
	Namespace string        // BACKUP_NAMESPACE, required: the tenancy's namespace of Object Storage
	Bucket    string        // BACKUP_BUCKET, required
	KeepDays  int           // BACKUP_KEEP_DAYS, default 30
	Timeout   time.Duration // BACKUP_TIMEOUT, default 10m: how long a step is repeated that Object Storage refuses

	Auth          string // OCI_AUTH, default "workload_identity"
	Region        string // OCI_REGION, required with workload_identity
	ConfigFile    string // OCI_CONFIG_FILE, default ~/.oci/config
	ConfigProfile string // OCI_CONFIG_PROFILE, default "DEFAULT"
	Endpoint      string // OBJECT_STORAGE_ENDPOINT, default the region's
}

// LoadBackup reads the settings of "guestbook backup" and "guestbook restore" with getenv.
func LoadBackup(getenv func(string) string) (Backup, error) {
	r := reader{getenv: getenv}
	b := Backup{
		Mongo:     r.mongo(),
		Namespace: r.required("BACKUP_NAMESPACE", "the tenancy's namespace of Object Storage (oci os ns get)"),
		Bucket:    r.required("BACKUP_BUCKET", "the name of the bucket"),
		KeepDays:  r.number("BACKUP_KEEP_DAYS", 30, 3650),
		Timeout:   r.duration("BACKUP_TIMEOUT", 10*time.Minute, time.Second, 24*time.Hour),

		Auth:          r.text("OCI_AUTH", "workload_identity"),
		Region:        r.text("OCI_REGION", ""),
		ConfigFile:    r.text("OCI_CONFIG_FILE", ""),
		ConfigProfile: r.text("OCI_CONFIG_PROFILE", "DEFAULT"),
		Endpoint:      r.text("OBJECT_STORAGE_ENDPOINT", ""),
	}
	r.access(b.Auth, b.Region)
	r.endpoint("OBJECT_STORAGE_ENDPOINT", b.Endpoint, "https://objectstorage.us-ashburn-1.oraclecloud.com")
	return b, errors.Join(r.problems...)
}

// Measure holds the settings of "guestbook measure". Its Mongo has the guestbook's user.
type Measure struct {
	Mongo
	Stack, Guestbook   string        // METRIC_STACK and METRIC_GUESTBOOK, required: dimensions of the metrics
	CompartmentID      string        // METRIC_COMPARTMENT, required: the OCID of the compartment of the metrics
	FrontendURL        string        // FRONTEND_URL, required: answers 200 if a frontend is ready
	CertificateExpires time.Time     // CERTIFICATE_EXPIRES, RFC 3339; default: there is no certificate
	CertificateID      string        // CERTIFICATE_ID, the OCID of one of the Certificates service; default: there is none
	ACMEDirectory      string        // ACME_DIRECTORY, of the frontends; default: they obtain no certificate
	TLSHost            string        // TLS_HOSTNAME, of the certificate that they obtain
	BackupInterval     time.Duration // BACKUP_INTERVAL, the longest time between two backups; default: there are none

	Auth          string // OCI_AUTH, default "workload_identity"
	Region        string // OCI_REGION, required with workload_identity
	ConfigFile    string // OCI_CONFIG_FILE, default ~/.oci/config
	ConfigProfile string // OCI_CONFIG_PROFILE, default "DEFAULT"
	Endpoint      string // MONITORING_ENDPOINT, default the region's
	// CertificatesEndpoint is CERTIFICATES_ENDPOINT, default the region's.
	CertificatesEndpoint string
}

// LoadMeasure reads the settings of "guestbook measure" with getenv.
func LoadMeasure(getenv func(string) string) (Measure, error) {
	r := reader{getenv: getenv}
	m := Measure{
		Mongo:         r.mongo(),
		Stack:         r.required("METRIC_STACK", "the name of the stack, such as oke-guestbook-prod"),
		Guestbook:     r.required("METRIC_GUESTBOOK", "the name of the guestbook"),
		CompartmentID: r.required("METRIC_COMPARTMENT", "the OCID of the compartment of the metrics"),
		FrontendURL:   r.required("FRONTEND_URL", "the URL of the frontend's readiness, such as http://guestbook/readyz"),

		CertificateID: r.text("CERTIFICATE_ID", ""),
		ACMEDirectory: r.text("ACME_DIRECTORY", ""),
		TLSHost:       r.text("TLS_HOSTNAME", ""),

		Auth:          r.text("OCI_AUTH", "workload_identity"),
		Region:        r.text("OCI_REGION", ""),
		ConfigFile:    r.text("OCI_CONFIG_FILE", ""),
		ConfigProfile: r.text("OCI_CONFIG_PROFILE", "DEFAULT"),
		Endpoint:      r.text("MONITORING_ENDPOINT", ""),

		CertificatesEndpoint: r.text("CERTIFICATES_ENDPOINT", ""),
	}
	r.access(m.Auth, m.Region)
	r.endpoint("MONITORING_ENDPOINT", m.Endpoint, "https://telemetry-ingestion.us-ashburn-1.oraclecloud.com")
	r.endpoint("CERTIFICATES_ENDPOINT", m.CertificatesEndpoint,
		"https://certificatesmanagement.us-ashburn-1.oci.oraclecloud.com")
	if u, err := url.Parse(m.FrontendURL); m.FrontendURL != "" && (err != nil || u.Host == "") {
		r.add("FRONTEND_URL %q: want a URL such as http://guestbook/readyz", m.FrontendURL)
	}
	if text := r.text("CERTIFICATE_EXPIRES", ""); text != "" {
		var err error
		if m.CertificateExpires, err = time.Parse(time.RFC3339, text); err != nil {
			r.add("CERTIFICATE_EXPIRES %q: want a time such as 2027-01-31T12:00:00Z", text)
		}
	}
	if r.text("BACKUP_INTERVAL", "") != "" {
		m.BackupInterval = r.duration("BACKUP_INTERVAL", 24*time.Hour, time.Minute, 5*366*24*time.Hour)
	}
	return m, errors.Join(r.problems...)
}

// access checks how the program gets access to OCI.
func (r *reader) access(auth, region string) {
	switch {
	case auth == "workload_identity" && region == "":
		r.add("OCI_REGION is not set: give the stack's region, such as us-ashburn-1")
	case auth != "workload_identity" && auth != "config_file":
		r.add("OCI_AUTH %q: want workload_identity (in a Pod of an enhanced cluster) or config_file", auth)
	}
}

// endpoint checks the URL of a service.
func (r *reader) endpoint(key, value, example string) {
	if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || u.Path != "") {
		r.add("%s %q: want a URL without a path, such as %s", key, value, example)
	}
}

func (r *reader) required(key, what string) string {
	v := r.text(key, "")
	if v == "" {
		r.add("%s is not set: give %s", key, what)
	}
	return v
}
