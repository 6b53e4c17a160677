package cloudmap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"golang.org/x/sync/errgroup"

	"github.com/ownmesh/ownmesh/core/endpoint"
)

// atOnce bounds the calls about names that are under way.
const atOnce = 16

// nameInstance is the id of the instance that makes a name resolve.
const nameInstance = "ownmesh-name"

// EnsureNames makes names resolve in a private DNS namespace, and takes back those that it made for the mesh before and
// that are not wanted any more. A name that has a service already, of somebody's or of a virtual node's, is left to that.
// Refusals are what stood in a name's way, by name; those about the namespace are under "". left says that something is
// still to be taken back: Cloud Map deletes a service only once its instance's deregistration is through.
func (d *Directory) EnsureNames(ctx context.Context, mesh string, n endpoint.Names) (refusals map[string]*endpoint.RefusalError, left bool, err error) {
	refusals = map[string]*endpoint.RefusalError{}
	ns, err := d.one(ctx, n.Namespace)
	if err == nil {
		err = private(ns, n.Namespace)
	}
	if refusal := endpoint.RefusalOf(refused(err, "service-unreadable", endpoint.ServiceKey{Namespace: n.Namespace})); refusal != nil {
		refusals[""] = refusal
		return refusals, refusal.Kind == endpoint.Denied, nil
	}
	if err != nil {
		return nil, true, err
	}
	wanted := map[string]bool{}
	var mu sync.Mutex
	var errs []error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, name := range n.Names {
		label, ok := strings.CutSuffix(name, "."+n.Namespace)
		if !ok || slices.Contains(n.Services, label) {
			continue
		}
		wanted[label] = true
		key := endpoint.ServiceKey{Namespace: n.Namespace, Service: label}
		group.Go(func() error {
			err := refused(d.ensureName(ctx, mesh, ns, key, n.Address), "name-refused", key)
			mu.Lock()
			defer mu.Unlock()
			if refusal := endpoint.RefusalOf(err); refusal != nil {
				refusals[name] = refusal
			} else if err != nil {
				errs = append(errs, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	left, err = d.removeNames(ctx, mesh, ns, n, wanted, refusals)
	return refusals, left, errors.Join(append(errs, err)...)
}

// private refuses a namespace in which no name resolves, or for all the world.
func private(ns namespace, name string) error {
	const hint = "use a private DNS namespace"
	switch {
	case !ns.dns:
		return &endpoint.RefusalError{
			Code:    "namespace-without-dns",
			Message: fmt.Sprintf("the Cloud Map namespace %q is an HTTP namespace: no name resolves in it", name),
			Hint:    hint,
		}
	case ns.public:
		return &endpoint.RefusalError{
			Code:    "namespace-public",
			Message: fmt.Sprintf("the Cloud Map namespace %q is a public one: what resolves in it does so for the whole internet, and no name is made there", name),
			Hint:    hint,
		}
	}
	return nil
}

func (d *Directory) ensureName(ctx context.Context, mesh string, ns namespace, key endpoint.ServiceKey, address string) error {
	s, ok, err := d.ids.find(ctx, key)
	if err != nil {
		return err
	}
	mine := !ok
	if ok {
		mine, err = d.ownsName(ctx, mesh, s)
	} else {
		s, err = d.create(ctx, ns, key, nameDescription(mesh), map[string]string{TagMesh: mesh, TagName: "true"})
	}
	if err != nil {
		return err
	}
	out, err := d.api.ListInstances(ctx, &sd.ListInstancesInput{ServiceId: &s.id, MaxResults: aws.Int32(instancesPage)})
	if err != nil {
		d.ids.forget(key.Namespace)
		return fmt.Errorf("look where %s.%s resolves to: %w", key.Service, key.Namespace, err)
	}
	if !mine {
		return resolves(key, len(out.Instances))
	}
	for _, i := range out.Instances {
		if value(i.Id) == nameInstance && i.Attributes[attributeIPv4] == address {
			return nil
		}
	}
	_, err = d.api.RegisterInstance(ctx, &sd.RegisterInstanceInput{
		ServiceId: &s.id, InstanceId: aws.String(nameInstance), Attributes: map[string]string{attributeIPv4: address, AttributeName: mesh},
	})
	if err != nil {
		return fmt.Errorf("make %s.%s resolve: %w", key.Service, key.Namespace, err)
	}
	return nil
}

// resolves refuses a name whose service was not made for it and has no instances: it doesn't resolve, and it isn't ours
// to change that.
func resolves(key endpoint.ServiceKey, instances int) error {
	if instances > 0 {
		return nil
	}
	return &endpoint.RefusalError{
		Code:    "name-not-ours",
		Message: fmt.Sprintf("the Cloud Map service %q in %q was not made for names and has no instances: %s.%s does not resolve, and is left as it is", key.Service, key.Namespace, key.Service, key.Namespace),
		Hint:    "register an instance in it, or delete the service, and it is made for the name",
	}
}

// removeNames takes back what the mesh has no use for any more. A service that got other instances stays, with these.
func (d *Directory) removeNames(ctx context.Context, mesh string, ns namespace, n endpoint.Names, wanted map[string]bool, refusals map[string]*endpoint.RefusalError) (left bool, err error) {
	services, err := d.ids.of(ctx, ns, "")
	if refusal := endpoint.RefusalOf(refused(err, "service-unreadable", endpoint.ServiceKey{Namespace: n.Namespace})); refusal != nil {
		refusals[""] = refusal
		return true, nil
	}
	if err != nil {
		return true, err
	}
	var mu sync.Mutex
	var errs []error
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, label := range slices.Sorted(maps.Keys(services)) {
		s := services[label]
		if wanted[label] || s.description != nameDescription(mesh) {
			continue
		}
		group.Go(func() error {
			mine, err := d.ownsName(ctx, mesh, s)
			gone := err == nil
			if mine {
				gone, err = d.removeName(ctx, n.Namespace, label, s, slices.Contains(n.Services, label))
			}
			err = refused(err, "name-refused", endpoint.ServiceKey{Namespace: n.Namespace, Service: label})
			mu.Lock()
			defer mu.Unlock()
			left = left || !gone
			if refusal := endpoint.RefusalOf(err); refusal != nil {
				refusals[label+"."+n.Namespace] = refusal
			} else if err != nil {
				errs = append(errs, fmt.Errorf("take back the name %s.%s: %w", label, n.Namespace, err))
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return left, errors.Join(errs...)
}

// removeName takes back a name, and its service unless a virtual node uses that. gone: nothing is left to do.
func (d *Directory) removeName(ctx context.Context, ns, label string, s service, used bool) (gone bool, err error) {
	if err := d.deregister(ctx, s, nameInstance); err != nil || used {
		return err == nil, err
	}
	return d.delete(ctx, endpoint.ServiceKey{Namespace: ns, Service: label}, s)
}

func nameDescription(mesh string) string { return description(mesh, "a name that resolves") }

// ownsName tells whether the mesh made the service to make a name resolve.
func (d *Directory) ownsName(ctx context.Context, mesh string, s service) (bool, error) {
	if s.description != nameDescription(mesh) {
		return false, nil
	}
	tags, err := d.tags(ctx, s)
	return err == nil && tags[TagMesh] == mesh && tags[TagName] != "", err
}
