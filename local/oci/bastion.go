package oci

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	bastionBase = "/20210331"
	loggingBase = "/20200531"
)

// Session times of a bastion in seconds (Oracle: "Creating a Bastion": 30 minutes to 3 hours).
const minSessionTTL, maxSessionTTL = 1800, 10800

func (s *Server) bastionRoutes() {
	s.workRequestRoutes(bastionWork)
	s.serveWorkKind(bastionWork, &kind{
		name: "bastion", path: bastionBase + "/bastions", model: "bastion.Bastion", nameKey: "name", states: states{"CREATING", "ACTIVE", "DELETING", "DELETED"},
		made: time.Minute, deleted: 30 * time.Second, summary: summaryOf("bastion.BastionSummary"),
		defaults: object{"maxSessionTtlInSeconds": 10800.0, "clientCidrBlockAllowList": []any{}, "staticJumpHostIpAddresses": []any{}, "dnsProxyStatus": "DISABLED"},
		onCreate: createBastion, onUpdate: func(_ *call, _, doc object) error { return checkBastion(doc) },
		created: func(t *tx, r *resource) error {
			vnic, err := t.newVnic(str(r.Doc, "targetSubnetId"), r.ID, "Bastion "+str(r.Doc, "name"), "", nil, false)
			if err == nil {
				r.Doc["privateEndpointIpAddress"] = vnic.Doc["privateIp"]
			}
			return err
		},
		removed: func(t *tx, r *resource) error { return t.dropVnics(r.ID) },
	}, "bastion.CreateBastionDetails", "bastion.UpdateBastionDetails", "BASTION", "BastionsResource")
}

func createBastion(c *call, doc object) error {
	if !strings.EqualFold(str(doc, "bastionType"), "standard") {
		return invalid("bastionType: %q must be STANDARD", str(doc, "bastionType"))
	}
	subnet, err := c.live("subnet", "targetSubnetId", str(doc, "targetSubnetId"))
	if err != nil {
		return err
	}
	doc["bastionType"] = strings.ToUpper(str(doc, "bastionType"))
	doc["targetVcnId"], doc["maxSessionsAllowed"] = subnet.Doc["vcnId"], 20
	return checkBastion(doc)
}

func checkBastion(doc object) error {
	if ttl := num(doc, "maxSessionTtlInSeconds"); ttl < minSessionTTL || ttl > maxSessionTTL {
		return invalid("maxSessionTtlInSeconds: %v must be from %d to %d", ttl, minSessionTTL, maxSessionTTL)
	}
	for i, text := range texts(doc, "clientCidrBlockAllowList") {
		if _, err := cidr(fmt.Sprintf("clientCidrBlockAllowList[%d]", i), text); err != nil {
			return err
		}
	}
	return nil
}

// loggingRoutes serve log groups and their logs. A deleted one is gone at once: the service has no state for it.
func (s *Server) loggingRoutes() {
	loggingStates := states{"CREATING", "ACTIVE", "DELETING", ""}
	s.workRequestRoutes(loggingWork)
	s.serveWorkKind(loggingWork, &kind{
		name: "loggroup", path: loggingBase + "/logGroups", model: "logging.LogGroup", states: loggingStates, made: 5 * time.Second, deleted: 5 * time.Second,
		onCreate: createLogGroup, onDelete: deleteLogGroup,
	}, "logging.CreateLogGroupDetails", "logging.UpdateLogGroupDetails", "LOG_GROUP", "loggroup")
	s.serveWorkKind(loggingWork, &kind{
		name: "log", path: loggingBase + "/logGroups/{logGroupId}/logs", within: "logGroupId", model: "logging.Log", states: loggingStates,
		made: 20 * time.Second, deleted: 5 * time.Second, filters: []string{"logType"}, summary: summaryOf("logging.LogSummary"),
		defaults: object{"isEnabled": true, "retentionDuration": 30.0}, onCreate: createLog, onUpdate: updateLog,
	}, "logging.CreateLogDetails", "logging.UpdateLogDetails", "LOG", "log")
}

func createLogGroup(c *call, doc object) error {
	if others := c.all("loggroup", with("displayName", str(doc, "displayName"))); len(others) > 0 {
		return conflict("the log group %s has the name %q", others[0].ID, str(doc, "displayName"))
	}
	doc["timeLastModified"] = stamp(c.now)
	return nil
}

func deleteLogGroup(t *tx, r *resource) error {
	if logs := t.all("log", with("logGroupId", r.ID)); len(logs) > 0 {
		return conflict("the log group %s holds the log %s", r.ID, logs[0].ID)
	}
	return nil
}

// createLog makes a custom log, or the flow log of a subnet: the kind of service log that a network has.
func createLog(c *call, doc object) error {
	group, err := c.named("loggroup", c.req.PathValue("logGroupId"))
	if err != nil {
		return err
	}
	if group.Gone != nil {
		return noSuch(group.ID)
	}
	doc["logGroupId"], doc["compartmentId"], doc["tenancyId"], doc["timeLastModified"] = group.ID, group.Doc["compartmentId"], TenancyID, stamp(c.now)
	if others := c.all("log", with("logGroupId", group.ID), with("displayName", str(doc, "displayName"))); len(others) > 0 {
		return conflict("the log %s has the name %q", others[0].ID, str(doc, "displayName"))
	}
	if str(doc, "logType") == "SERVICE" {
		source := sub(doc, "configuration", "source")
		if source == nil {
			return missingParameter("configuration.source")
		}
		if str(source, "service") != "flowlogs" {
			return notImplemented("configuration.source.service: the local cloud has flowlogs only")
		}
		subnet, err := c.live("subnet", "configuration.source.resource", str(source, "resource"))
		if err != nil {
			return err
		}
		for _, other := range c.all("log") {
			if str(other.Doc, "configuration", "source", "resource") == subnet.ID {
				return conflict("the subnet %s has the flow log %s", subnet.ID, other.ID)
			}
		}
		orDefault(sub(doc, "configuration"), object{"archiving": object{"isEnabled": false}, "compartmentId": doc["compartmentId"]})
		orDefault(source, object{"parameters": object{}})
	}
	return checkRetention(doc)
}

func updateLog(_ *call, old, doc object) error {
	// The body holds what may change of the configuration; what it says of the source stays.
	if config, was := sub(doc, "configuration"), sub(old, "configuration"); was != nil {
		source := sub(was, "source")
		if p := sub(config, "source", "parameters"); p != nil {
			source["parameters"] = p
		}
		config["source"] = source
		orDefault(config, was)
	}
	return checkRetention(doc)
}

// checkRetention: 30 to 180 days in steps of 30 (API reference, CreateLogDetails).
func checkRetention(doc object) error {
	if days := num(doc, "retentionDuration"); !slices.Contains([]float64{30, 60, 90, 120, 150, 180}, days) {
		return invalid("retentionDuration: %v must be 30, 60, 90, 120, 150 or 180 days", days)
	}
	return nil
}
