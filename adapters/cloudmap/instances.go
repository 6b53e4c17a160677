package cloudmap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// Pages are as large as Cloud Map allows. A service has at most 1,000 instances.
const (
	instancesPage = 100
	healthPage    = 100
)

// Instances implements endpoint.Source: the instances of a service, whoever registered them.
func (d *Directory) Instances(ctx context.Context, key endpoint.ServiceKey) ([]endpoint.Instance, error) {
	var instances []endpoint.Instance
	err := d.with(ctx, key, func(s service) (err error) {
		instances, err = d.list(ctx, key, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the instances of %s in %s: %w", key.Service, key.Namespace, refused(err, "service-unreadable", key))
	}
	return instances, nil
}

func (d *Directory) list(ctx context.Context, key endpoint.ServiceKey, s service) ([]endpoint.Instance, error) {
	var instances []endpoint.Instance
	pages := sd.NewListInstancesPaginator(d.api, &sd.ListInstancesInput{ServiceId: &s.id, MaxResults: aws.Int32(instancesPage)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, i := range page.Instances {
			if _, name := i.Attributes[AttributeName]; !name {
				instances = append(instances, fromCloudMap(key, value(i.Id), i.Attributes))
			}
		}
	}
	slices.SortFunc(instances, func(a, b endpoint.Instance) int { return strings.Compare(a.ID, b.ID) })
	if !s.checked || len(instances) == 0 {
		return instances, nil
	}
	return instances, d.health(ctx, s, instances)
}

// health notes which instances Cloud Map knows to be unhealthy. Of one whose health it doesn't know yet, its
// registration's word counts.
func (d *Directory) health(ctx context.Context, s service, instances []endpoint.Instance) error {
	status := make(map[string]types.HealthStatus, len(instances))
	pages := sd.NewGetInstancesHealthStatusPaginator(d.api, &sd.GetInstancesHealthStatusInput{ServiceId: &s.id, MaxResults: aws.Int32(healthPage)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if gone := (*types.InstanceNotFound)(nil); errors.As(err, &gone) {
			break // it left while we asked
		}
		if err != nil {
			return fmt.Errorf("read their health: %w", err)
		}
		maps.Copy(status, page.Status)
	}
	for n := range instances {
		switch status[instances[n].ID] {
		case types.HealthStatusHealthy:
			instances[n].Unhealthy = false
		case types.HealthStatusUnhealthy:
			instances[n].Unhealthy = true
		}
	}
	return nil
}

// fromCloudMap is an instance as it was registered. Its attributes stay as they are: virtual nodes may ask for any.
func fromCloudMap(key endpoint.ServiceKey, id string, attributes map[string]string) endpoint.Instance {
	version, _ := strconv.ParseInt(attributes[AttributeVersion], 10, 64) // others give none
	return endpoint.Instance{
		Namespace: key.Namespace, Service: key.Service, ID: id,
		IPv4: attributes[attributeIPv4], IPv6: attributes[attributeIPv6], Zone: attributes[attributeZone],
		Attributes: maps.Clone(attributes), Unhealthy: attributes[attributeInitHealth] == string(types.HealthStatusUnhealthy), Version: version,
	}
}

// toCloudMap are the attributes that an instance is registered with.
func toCloudMap(i endpoint.Instance, port int) map[string]string {
	attributes := maps.Clone(i.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	set := func(name, value string) {
		if value != "" {
			attributes[name] = value
		}
	}
	set(attributeIPv4, i.IPv4)
	set(attributeIPv6, i.IPv6)
	set(attributeZone, i.Zone)
	set(AttributeVersion, strconv.FormatInt(i.Version, 10))
	if port > 0 {
		set(attributePort, strconv.Itoa(port))
	}
	return attributes
}
