package cloudmap

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"github.com/ownmesh/ownmesh/core/endpoint"
	"github.com/ownmesh/ownmesh/internal/attempts"
)

// How long what was looked up counts. What was not found is looked for again sooner, for somebody may be making it.
const (
	foundFor   = 5 * time.Minute
	missingFor = 5 * time.Second
	// maxKept bounds how many namespaces are kept in memory with their services. An account has 50 by default.
	maxKept = 256
)

// namespace is a namespace of Cloud Map.
type namespace struct {
	id     string
	dns    bool // false for an HTTP namespace
	public bool // its names are for the internet
}

// service is a service of Cloud Map.
type service struct {
	id, arn, description string
	checked              bool // has health checks of any kind
}

// ids looks up namespaces and services by name, and keeps them.
type ids struct {
	api API
	now func() time.Time

	mu         sync.Mutex
	namespaces map[string]kept[[]namespace]        // by name
	services   map[string]kept[map[string]service] // by namespace id, then by name
	// How often something was added to what is kept, and forgotten: a listing that began before may be behind it.
	added, forgotten int
}

// kept is something that was looked up, or why it could not be.
type kept[T any] struct {
	value   T
	refused error
	at      time.Time
}

func newIDs(api API, now func() time.Time) *ids {
	return &ids{api: api, now: now, namespaces: map[string]kept[[]namespace]{}, services: map[string]kept[map[string]service]{}}
}

// namespace finds the namespaces of a name: none, one, or, of private DNS namespaces in several networks, more.
func (c *ids) namespace(ctx context.Context, name string) ([]namespace, error) {
	known, ok := load(c, c.namespaces, name)
	if age := c.now().Sub(known.at); ok && (age < missingFor || age < foundFor && len(known.value) > 0) {
		return known.value, known.refused
	}
	var found []namespace
	pages := sd.NewListNamespacesPaginator(c.api, &sd.ListNamespacesInput{Filters: []types.NamespaceFilter{{
		Name: types.NamespaceFilterNameName, Values: []string{name}, Condition: types.FilterConditionEq,
	}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, refuse(c, c.namespaces, name, fmt.Errorf("look for the namespace %q: %w", name, err))
		}
		for _, n := range page.Namespaces {
			if value(n.Name) == name {
				found = append(found, namespace{id: value(n.Id), dns: n.Type != types.NamespaceTypeHttp, public: n.Type == types.NamespaceTypeDnsPublic})
			}
		}
	}
	slices.SortFunc(found, func(a, b namespace) int { return strings.Compare(a.id, b.id) })
	save(c, c.namespaces, name, found)
	return found, nil
}

// find finds a service. Of several namespaces of one name, the first that has the service counts. ok is false if there
// is no such namespace or service.
func (c *ids) find(ctx context.Context, key endpoint.ServiceKey) (service, bool, error) {
	namespaces, err := c.namespace(ctx, key.Namespace)
	if err != nil {
		return service{}, false, err
	}
	for _, n := range namespaces {
		services, err := c.of(ctx, n, key.Service)
		if err != nil {
			return service{}, false, err
		}
		if s, ok := services[key.Service]; ok {
			return s, true, nil
		}
	}
	return service{}, false, nil
}

// of gives the services of a namespace by name, read again where want is not among them and may have come since.
func (c *ids) of(ctx context.Context, n namespace, want string) (map[string]service, error) {
	known, ok := load(c, c.services, n.id)
	_, found := known.value[want]
	if age := c.now().Sub(known.at); ok && (age < missingFor || age < foundFor && found) {
		return known.value, known.refused
	}
	c.mu.Lock()
	added, forgotten := c.added, c.forgotten
	c.mu.Unlock()
	services := map[string]service{}
	pages := sd.NewListServicesPaginator(c.api, &sd.ListServicesInput{Filters: []types.ServiceFilter{{
		Name: types.ServiceFilterNameNamespaceId, Values: []string{n.id}, Condition: types.FilterConditionEq,
	}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, refuse(c, c.services, n.id, fmt.Errorf("list the services of namespace %s: %w", n.id, err))
		}
		for _, s := range page.Services {
			services[value(s.Name)] = service{
				id: value(s.Id), arn: value(s.Arn), description: value(s.Description),
				checked: s.HealthCheckConfig != nil || s.HealthCheckCustomConfig != nil,
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added != added {
		made := map[string]service{}
		maps.Copy(made, c.services[n.id].value)
		maps.Copy(made, services)
		services = made
	}
	if c.forgotten == forgotten {
		put(c.services, n.id, kept[map[string]service]{value: services, at: c.now()})
	}
	return services, nil
}

// add notes a service that was made just now.
func (c *ids) add(n namespace, name string, s service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added++
	if known, ok := c.services[n.id]; ok && known.refused == nil {
		services := maps.Clone(known.value) // others may be reading it
		services[name] = s
		c.services[n.id] = kept[map[string]service]{value: services, at: known.at}
	}
}

// forget has everything about a namespace looked up again: something in it was not as it was kept.
func (c *ids) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	for _, n := range c.namespaces[name].value {
		delete(c.services, n.id)
	}
	delete(c.namespaces, name)
}

func load[T any](c *ids, from map[string]kept[T], key string) (kept[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := from[key]
	return k, ok
}

func save[T any](c *ids, into map[string]kept[T], key string, value T) {
	keep(c, into, key, kept[T]{value: value, at: c.now()})
}

// refuse keeps a refusal for as long as what was not found: a pass asks for many things of one namespace.
func refuse[T any](c *ids, into map[string]kept[T], key string, err error) error {
	if attempts.IsRefusal(err) {
		keep(c, into, key, kept[T]{refused: err, at: c.now()})
	}
	return err
}

func keep[T any](c *ids, into map[string]kept[T], key string, k kept[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	put(into, key, k)
}

func put[T any](into map[string]kept[T], key string, k kept[T]) {
	if len(into) >= maxKept {
		clear(into)
	}
	into[key] = k
}

// tags reads the tags of a service.
func (d *Directory) tags(ctx context.Context, s service) (map[string]string, error) {
	out, err := d.api.ListTagsForResource(ctx, &sd.ListTagsForResourceInput{ResourceARN: aws.String(s.arn)})
	if err != nil {
		return nil, fmt.Errorf("read the tags of %s: %w", s.arn, err)
	}
	tags := make(map[string]string, len(out.Tags))
	for _, t := range out.Tags {
		tags[value(t.Key)] = value(t.Value)
	}
	return tags, nil
}
