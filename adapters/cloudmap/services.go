package cloudmap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// ttl is how long resolvers may keep a record, in seconds. Proxies don't ask DNS.
const ttl = 60

// descriptionPrefix starts the descriptions of services that Ownmesh made. Descriptions come with a listing and tags don't,
// so only a service that has it is asked for its tags, and only these are believed.
const descriptionPrefix = "Made by Ownmesh for mesh "

func description(mesh, what string) string { return descriptionPrefix + mesh + ": " + what }

func nobody(ns string) *endpoint.RefusalError {
	return &endpoint.RefusalError{
		Kind: endpoint.Missing, Code: "namespace-missing",
		Message: fmt.Sprintf("there is no Cloud Map namespace %q in this account and region: nothing is found in it", ns),
		Hint:    "create the namespace, or name another",
	}
}

func ambiguous(ns string, count int) *endpoint.RefusalError {
	return &endpoint.RefusalError{
		Code:    "namespace-ambiguous",
		Message: fmt.Sprintf("%d Cloud Map namespaces are called %q, and none has such a service: none is made", count, ns),
		Hint:    "create the service in the right namespace, or give one of the namespaces another name",
	}
}

// Ensure makes sure that the service is there, for a mesh's virtual nodes. It makes it where it is missing; owned says
// whether this mesh made it, now or before: only then instances may be registered in it. What the account lacks is a
// *endpoint.RefusalError.
func (d *Directory) Ensure(ctx context.Context, mesh string, key endpoint.ServiceKey) (owned bool, err error) {
	owned, err = d.ensure(ctx, mesh, key)
	return owned, refused(err, "service-refused", key)
}

func (d *Directory) ensure(ctx context.Context, mesh string, key endpoint.ServiceKey) (owned bool, err error) {
	s, ok, err := d.ids.find(ctx, key)
	if err != nil {
		return false, err
	}
	if ok {
		return d.owns(ctx, mesh, s)
	}
	n, err := d.one(ctx, key.Namespace)
	if err != nil {
		return false, err
	}
	_, err = d.create(ctx, n, key, description(mesh, "instances of a virtual node"), map[string]string{TagMesh: mesh})
	if exists := (*types.ServiceAlreadyExists)(nil); errors.As(err, &exists) {
		d.ids.forget(key.Namespace)
		if s, ok, err = d.ids.find(ctx, key); err != nil || !ok {
			return false, err
		}
		return d.owns(ctx, mesh, s)
	}
	return err == nil, err
}

// one is the only namespace of that name.
func (d *Directory) one(ctx context.Context, name string) (namespace, error) {
	found, err := d.ids.namespace(ctx, name)
	switch {
	case err != nil:
		return namespace{}, err
	case len(found) == 0:
		return namespace{}, nobody(name)
	case len(found) > 1:
		return namespace{}, ambiguous(name, len(found))
	}
	return found[0], nil
}

// owns tells whether the mesh made the service.
func (d *Directory) owns(ctx context.Context, mesh string, s service) (bool, error) {
	if !strings.HasPrefix(s.description, descriptionPrefix) {
		return false, nil
	}
	tags, err := d.tags(ctx, s)
	return err == nil && tags[TagMesh] == mesh, err
}

// create makes a service. In a DNS namespace its instances' addresses are A records.
func (d *Directory) create(ctx context.Context, n namespace, key endpoint.ServiceKey, description string, tags map[string]string) (service, error) {
	in := &sd.CreateServiceInput{Name: &key.Service, NamespaceId: &n.id, Description: &description}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	if n.dns {
		in.DnsConfig = &types.DnsConfig{
			RoutingPolicy: types.RoutingPolicyMultivalue,
			DnsRecords:    []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(ttl)}},
		}
	}
	out, err := d.api.CreateService(ctx, in)
	if err != nil {
		d.ids.forget(key.Namespace) // it may have gone
		return service{}, fmt.Errorf("create the service %s in %s: %w", key.Service, key.Namespace, err)
	}
	d.log.Info("made a Cloud Map service", "namespace", key.Namespace, "service", key.Service)
	s := service{id: value(out.Service.Id), arn: value(out.Service.Arn), description: description}
	d.ids.add(n, key.Service, s)
	return s, nil
}

// Publish registers an instance in a service that Ensure says is owned, or replaces it. Port is its AWS_INSTANCE_PORT; 0:
// none.
func (d *Directory) Publish(ctx context.Context, i endpoint.Instance, port int) error {
	key := i.Key()
	err := d.with(ctx, key.ServiceKey, func(s service) error {
		_, err := d.api.RegisterInstance(ctx, &sd.RegisterInstanceInput{ServiceId: &s.id, InstanceId: &i.ID, Attributes: toCloudMap(i, port)})
		return err
	})
	if err != nil {
		return fmt.Errorf("register %s in %s of %s: %w", i.ID, i.Service, i.Namespace, refused(err, "instance-refused", key.ServiceKey))
	}
	return nil
}

// with calls a service, if there is one: again if it was deleted, or made again under another id, since it was looked up.
func (d *Directory) with(ctx context.Context, key endpoint.ServiceKey, call func(service) error) error {
	s, ok, err := d.ids.find(ctx, key)
	if err != nil || !ok {
		return err
	}
	err = call(s)
	if gone := (*types.ServiceNotFound)(nil); !errors.As(err, &gone) {
		return err
	}
	d.ids.forget(key.Namespace)
	if s, ok, err = d.ids.find(ctx, key); err != nil || !ok {
		return err
	}
	return call(s)
}

// Withdraw deregisters an instance from a service that Ensure says is owned; a missing one is no error.
func (d *Directory) Withdraw(ctx context.Context, key endpoint.InstanceKey) error {
	s, ok, err := d.ids.find(ctx, key.ServiceKey)
	if err == nil && ok {
		err = d.deregister(ctx, s, key.ID)
	}
	if err != nil {
		return fmt.Errorf("deregister %s from %s of %s: %w", key.ID, key.Service, key.Namespace, refused(err, "instance-refused", key.ServiceKey))
	}
	return nil
}

func (d *Directory) deregister(ctx context.Context, s service, id string) error {
	_, err := d.api.DeregisterInstance(ctx, &sd.DeregisterInstanceInput{ServiceId: &s.id, InstanceId: &id})
	var noInstance *types.InstanceNotFound
	var noService *types.ServiceNotFound
	if errors.As(err, &noInstance) || errors.As(err, &noService) {
		return nil
	}
	return err
}

// Release deletes a service that the mesh made and that has no instances; others stay. gone: there is none that the mesh
// made, now or before.
func (d *Directory) Release(ctx context.Context, mesh string, key endpoint.ServiceKey) (gone bool, err error) {
	gone, err = d.release(ctx, mesh, key)
	return gone, refused(err, "service-refused", key)
}

func (d *Directory) release(ctx context.Context, mesh string, key endpoint.ServiceKey) (gone bool, err error) {
	s, ok, err := d.ids.find(ctx, key)
	if err != nil || !ok {
		return err == nil, err
	}
	if owned, err := d.owns(ctx, mesh, s); err != nil || !owned {
		return err == nil, err
	}
	return d.delete(ctx, key, s)
}

// delete deletes a service, unless it has instances; one that is gone already is no error.
func (d *Directory) delete(ctx context.Context, key endpoint.ServiceKey, s service) (gone bool, err error) {
	_, err = d.api.DeleteService(ctx, &sd.DeleteServiceInput{Id: &s.id})
	var inUse *types.ResourceInUse // also while a deregistration is under way: the next sweep tries again
	var missing *types.ServiceNotFound
	switch {
	case errors.As(err, &inUse):
		return false, nil
	case err != nil && !errors.As(err, &missing):
		return false, fmt.Errorf("delete the service %s in %s: %w", key.Service, key.Namespace, err)
	}
	d.log.Info("deleted a Cloud Map service that nobody needs any more", "namespace", key.Namespace, "service", key.Service)
	d.ids.forget(key.Namespace)
	return true, nil
}

// ARN is that of a service, if there is such a service.
func (d *Directory) ARN(ctx context.Context, key endpoint.ServiceKey) (arn string, ok bool, err error) {
	s, ok, err := d.ids.find(ctx, key)
	return s.arn, ok, refused(err, "service-unreadable", key)
}
