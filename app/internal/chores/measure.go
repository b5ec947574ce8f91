package chores

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/oracle/oci-go-sdk/v65/certificatesmanagement"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/monitoring"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"oke-guestbook/app/internal/bucket"
	"oke-guestbook/app/internal/certs"
	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/store"
)

// MetricNamespace is the namespace of the metrics in OCI Monitoring.
const MetricNamespace = "guestbook"

// Metrics that Measure posts, with the dimensions stack and guestbook. plan/alarm has the alarms.
const (
	frontendReady    = "FrontendReady"       // 1, or 0: no frontend answers that it is ready
	databasePrimary  = "DatabasePrimary"     // 1, or 0: the database has no primary that answers
	backupsMissed    = "BackupsMissed"       // age of the last backup, in intervals of its schedule
	volumeUsed       = "VolumeUsedPercent"   // of the primary's file system
	certificateUntil = "CertificateDaysLeft" // until the served certificate expires
)

// Measure measures the guestbook once, and posts what it finds to OCI Monitoring. What does not answer is a
// measurement, too; an error is that nothing could be posted.
func Measure(ctx context.Context, cfg config.Measure, log *slog.Logger) error {
	credentials, err := bucket.Credentials(bucket.Config{
		Auth: cfg.Auth, Region: cfg.Region, ConfigFile: cfg.ConfigFile, ConfigProfile: cfg.ConfigProfile,
	})
	if err != nil {
		return err
	}
	client, err := monitoring.NewMonitoringClientWithConfigurationProvider(credentials)
	if err != nil {
		return fmt.Errorf("credentials for Monitoring: %w", err)
	}
	// Metrics are posted to another host than the other requests are sent to (API reference, PostMetricData).
	region, err := credentials.Region()
	if err != nil {
		return fmt.Errorf("the region of Monitoring: %w", err)
	}
	client.Host = common.StringToRegion(region).EndpointForTemplate("telemetry-ingestion",
		"https://telemetry-ingestion.{region}.{secondLevelDomain}")
	if cfg.Endpoint != "" {
		client.Host = cfg.Endpoint
	}
	values := measure(ctx, cfg, credentials, log)
	response, err := client.PostMetricData(ctx, monitoring.PostMetricDataRequest{
		PostMetricDataDetails: monitoring.PostMetricDataDetails{MetricData: metricData(cfg, values, time.Now())},
	})
	if err != nil {
		return fmt.Errorf("post metrics: %w", err)
	}
	if n := response.FailedMetricsCount; n != nil && *n > 0 {
		return fmt.Errorf("%d of the metrics are refused: %s", *n, response.PostMetricDataResponseDetails)
	}
	log.Info("posted", slog.Any("metrics", values))
	return nil
}

// measure returns the values of the metrics that there are for the guestbook.
func measure(
	ctx context.Context, cfg config.Measure, credentials common.ConfigurationProvider, log *slog.Logger,
) map[string]float64 {
	values := map[string]float64{frontendReady: 1, databasePrimary: 1}
	if err := askFrontend(ctx, cfg); err != nil {
		log.Warn("no frontend is ready", slog.String("reason", err.Error()))
		values[frontendReady] = 0
	}
	if !cfg.CertificateExpires.IsZero() {
		values[certificateUntil] = daysUntil(cfg.CertificateExpires)
	}
	if cfg.CertificateID != "" {
		if err := askCertificates(ctx, cfg, credentials, values); err != nil {
			log.Warn("the Certificates service does not say", slog.String("reason", err.Error()))
		}
	}
	client, err := store.Connect(store.Config{
		URI: cfg.MongoURI, Username: cfg.MongoUser, PasswordFile: cfg.MongoPassFile, AuthSource: cfg.MongoAuthSource,
		Timeout: cfg.MongoTimeout, Connections: 1,
	})
	if err == nil {
		defer disconnect(client)
		err = client.Ping(ctx, readpref.Primary())
	}
	if err != nil {
		log.Warn("the database has no primary", slog.String("reason", err.Error()))
		values[databasePrimary] = 0
		return values
	}
	for _, err := range []error{
		readVolume(ctx, client.Database(cfg.MongoDatabase), values),
		readBackup(ctx, client.Database(cfg.MongoDatabase), cfg.BackupInterval, values),
		readCertificate(ctx, client.Database(cfg.MongoDatabase), cfg, values),
	} {
		if err != nil {
			log.Warn("the database does not say", slog.String("reason", err.Error()))
		}
	}
	return values
}

func askFrontend(ctx context.Context, cfg config.Measure) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.FrontendURL, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func daysUntil(at time.Time) float64 { return time.Until(at).Hours() / 24 }

// askCertificates asks the Certificates service when the current version of a certificate expires, or the certificate
// is deleted. One that it does not show has no days left: it is deleted, or no policy lets the job read it.
func askCertificates(
	ctx context.Context, cfg config.Measure, credentials common.ConfigurationProvider, values map[string]float64,
) error {
	client, err := certificatesmanagement.NewCertificatesManagementClientWithConfigurationProvider(credentials)
	if err != nil {
		return err
	}
	if cfg.CertificatesEndpoint != "" {
		client.Host = cfg.CertificatesEndpoint
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := client.GetCertificate(ctx, certificatesmanagement.GetCertificateRequest{
		CertificateId: &cfg.CertificateID,
	})
	if err != nil {
		var refused common.ServiceError
		if errors.As(err, &refused) && refused.GetHTTPStatusCode() == http.StatusNotFound {
			values[certificateUntil] = 0
		}
		return err
	}
	current := found.CurrentVersion
	if current == nil || current.Validity == nil || current.Validity.TimeOfValidityNotAfter == nil {
		return fmt.Errorf("certificate %s has no version that is valid for a time", cfg.CertificateID)
	}
	values[certificateUntil] = daysUntil(current.Validity.TimeOfValidityNotAfter.Time)
	if deleted := found.TimeOfDeletion; deleted != nil {
		values[certificateUntil] = min(values[certificateUntil], daysUntil(deleted.Time))
	}
	return nil
}

// readVolume reads how full the file system with the database's files is (MongoDB manual, "dbStats", fsUsedSize).
func readVolume(ctx context.Context, db *mongo.Database, values map[string]float64) error {
	var stats struct {
		Used  float64 `bson:"fsUsedSize"`
		Total float64 `bson:"fsTotalSize"`
	}
	if err := db.RunCommand(ctx, bson.D{{Key: "dbStats", Value: 1}}).Decode(&stats); err != nil {
		return fmt.Errorf("size of the volume: %w", err)
	}
	if stats.Total > 0 {
		values[volumeUsed] = 100 * stats.Used / stats.Total
	}
	return nil
}

// readBackup reads how long ago the last backup began. Without a record there is no value: the update that asks for
// backups makes the first one.
func readBackup(ctx context.Context, db *mongo.Database, interval time.Duration, values map[string]float64) error {
	if interval == 0 {
		return nil
	}
	var last store.Backup
	err := db.Collection(store.Backups).FindOne(ctx, bson.D{}).Decode(&last)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return nil
	case err != nil:
		return fmt.Errorf("time of the last backup: %w", err)
	}
	values[backupsMissed] = time.Since(last.At).Hours() / interval.Hours()
	return nil
}

// readCertificate reads when the certificate expires that the frontends obtained. Without one no days are left.
func readCertificate(ctx context.Context, db *mongo.Database, cfg config.Measure, values map[string]float64) error {
	if cfg.ACMEDirectory == "" {
		return nil
	}
	storage := &certs.Storage{Collection: func() (*mongo.Collection, func()) {
		return db.Collection(store.Certificates), func() {}
	}}
	expires, err := storage.Expires(ctx, cfg.ACMEDirectory, cfg.TLSHost)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		values[certificateUntil] = 0
	case err != nil:
		return fmt.Errorf("certificate: %w", err)
	default:
		values[certificateUntil] = daysUntil(expires)
	}
	return nil
}

func metricData(cfg config.Measure, values map[string]float64, now time.Time) []monitoring.MetricDataDetails {
	var data []monitoring.MetricDataDetails
	for _, name := range slices.Sorted(maps.Keys(values)) {
		data = append(data, monitoring.MetricDataDetails{
			Namespace: common.String(MetricNamespace), CompartmentId: &cfg.CompartmentID, Name: &name,
			Dimensions: map[string]string{"stack": cfg.Stack, "guestbook": cfg.Guestbook},
			Datapoints: []monitoring.Datapoint{{
				Timestamp: &common.SDKTime{Time: now}, Value: common.Float64(values[name]),
			}},
		})
	}
	return data
}
