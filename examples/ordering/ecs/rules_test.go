package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// memory is what Fargate takes for each size of CPU, in MiB.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
var memory = map[string][]int{
	"256": {512, 1024, 2048}, "512": steps(1024, 4096, 1024), "1024": steps(2048, 8192, 1024), "2048": steps(4096, 16384, 1024),
	"4096": steps(8192, 30720, 1024), "8192": steps(16384, 61440, 4096), "16384": steps(32768, 122880, 8192),
}

func steps(from, to, by int) (all []int) {
	for ; from <= to; from += by {
		all = append(all, from)
	}
	return all
}

// broken are the documented rules of ECS and Fargate that a task definition breaks, of those that its parts must obey
// together. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
func broken(in *awsecs.RegisterTaskDefinitionInput) (wrong []string) {
	say := func(format string, a ...any) { wrong = append(wrong, fmt.Sprintf(format, a...)) }
	if in.NetworkMode != types.NetworkModeAwsvpc {
		say("network mode %q: Fargate and redirects take awsvpc alone", in.NetworkMode)
	}
	size, _ := strconv.Atoi(aws.ToString(in.Memory))
	if !slices.Contains(memory[aws.ToString(in.Cpu)], size) {
		say("Fargate has no %s CPU units with %s MiB", aws.ToString(in.Cpu), aws.ToString(in.Memory))
	}
	containers := map[string]types.ContainerDefinition{}
	essential, reserved := false, 0
	for _, c := range in.ContainerDefinitions {
		name := aws.ToString(c.Name)
		if _, twice := containers[name]; twice || name == "" || aws.ToString(c.Image) == "" {
			say("container %q is there twice, or has no name or image", name)
		}
		containers[name] = c
		essential = essential || c.Essential == nil || *c.Essential
		reserved += int(max(aws.ToInt32(c.Memory), aws.ToInt32(c.MemoryReservation)))
		if stop := aws.ToInt32(c.StopTimeout); stop < 0 || stop > 120 {
			say("%s: stop timeout %d s, Fargate takes 120 s at most", name, stop)
		}
		if c.LogConfiguration != nil && c.LogConfiguration.LogDriver == types.LogDriverAwslogs && aws.ToString(in.ExecutionRoleArn) == "" {
			say("%s: awslogs on Fargate takes an execution role", name)
		}
	}
	if !essential {
		say("no container is essential")
	}
	if reserved > size {
		say("containers have %d MiB of the task's %d", reserved, size)
	}
	wrong = append(wrong, checks(in.ContainerDefinitions)...)
	wrong = append(wrong, waits(containers)...)
	wrong = append(wrong, clashes(in)...)
	return append(wrong, redirects(in, containers)...)
}

// checks looks at health checks.
func checks(containers []types.ContainerDefinition) (wrong []string) {
	for _, c := range containers {
		h := c.HealthCheck
		if h == nil {
			continue
		}
		in := func(v *int32, low, high int32) bool { return v == nil || *v >= low && *v <= high }
		if !in(h.Interval, 5, 300) || !in(h.Timeout, 2, 60) || !in(h.Retries, 1, 10) || !in(h.StartPeriod, 0, 300) {
			wrong = append(wrong, fmt.Sprintf("%s: a number of its health check is out of bounds", *c.Name))
		}
		if len(h.Command) < 2 || h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL" {
			wrong = append(wrong, fmt.Sprintf("%s: health check %q", *c.Name, h.Command))
		}
	}
	return wrong
}

// waits looks at what containers wait for.
func waits(containers map[string]types.ContainerDefinition) (wrong []string) {
	for name, c := range containers {
		for _, d := range c.DependsOn {
			on, ok := containers[aws.ToString(d.ContainerName)]
			ends := d.Condition == types.ContainerConditionComplete || d.Condition == types.ContainerConditionSuccess
			switch {
			case !ok:
				wrong = append(wrong, fmt.Sprintf("%s waits for %s, which is not there", name, aws.ToString(d.ContainerName)))
			case d.Condition == types.ContainerConditionHealthy && on.HealthCheck == nil:
				wrong = append(wrong, fmt.Sprintf("%s waits for the health of %s, which has no health check", name, *on.Name))
			case ends && (on.Essential == nil || *on.Essential):
				wrong = append(wrong, fmt.Sprintf("%s waits for the end of %s, which is essential", name, *on.Name))
			}
		}
		// From any container of a circle one comes back to it.
		seen, todo := map[string]bool{}, []string{name}
		for len(todo) > 0 {
			for _, d := range containers[todo[0]].DependsOn {
				if on := aws.ToString(d.ContainerName); !seen[on] {
					seen[on] = true
					todo = append(todo, on)
				}
			}
			todo = todo[1:]
		}
		if seen[name] {
			wrong = append(wrong, fmt.Sprintf("%s waits for itself", name))
		}
	}
	return wrong
}

// mapped is a container's port.
type mapped struct {
	container string
	port      int32
	host      *int32
	protocol  types.TransportProtocol
}

func ports(in *awsecs.RegisterTaskDefinitionInput) (all []mapped) {
	for _, c := range in.ContainerDefinitions {
		for _, p := range c.PortMappings {
			if p.Protocol == "" {
				p.Protocol = types.TransportProtocolTcp
			}
			all = append(all, mapped{aws.ToString(c.Name), aws.ToInt32(p.ContainerPort), p.HostPort, p.Protocol})
		}
	}
	return all
}

// clashes looks at ports: the containers of a task share one network.
func clashes(in *awsecs.RegisterTaskDefinitionInput) (wrong []string) {
	taken := map[string]string{}
	for _, p := range ports(in) {
		at := fmt.Sprintf("port %d/%s", p.port, p.protocol)
		if taken[at] != "" || p.host != nil && *p.host != p.port {
			wrong = append(wrong, fmt.Sprintf("%s of %s is that of %q too, or has another one on the host", at, p.container, taken[at]))
		}
		taken[at] = p.container
	}
	return wrong
}

// redirects looks at the proxy configuration.
func redirects(in *awsecs.RegisterTaskDefinitionInput, containers map[string]types.ContainerDefinition) (wrong []string) {
	p := in.ProxyConfiguration
	if p == nil {
		return nil
	}
	proxy, ok := containers[aws.ToString(p.ContainerName)]
	if !ok || p.Type != types.ProxyConfigurationTypeAppmesh {
		return []string{fmt.Sprintf("connections are redirected to %s, which is not there, by %q", aws.ToString(p.ContainerName), p.Type)}
	}
	properties := map[string]string{}
	for _, one := range p.Properties {
		properties[aws.ToString(one.Name)] = aws.ToString(one.Value)
	}
	apps := strings.Split(properties["AppPorts"], ",")
	for _, name := range []string{"ProxyIngressPort", "ProxyEgressPort"} {
		if _, err := strconv.ParseUint(properties[name], 10, 16); err != nil || slices.Contains(apps, properties[name]) {
			wrong = append(wrong, fmt.Sprintf("%s is %q, the application's are %q", name, properties[name], apps))
		}
	}
	if properties["AppPorts"] == "" || properties["ProxyIngressPort"] == properties["ProxyEgressPort"] {
		wrong = append(wrong, fmt.Sprintf("connections are redirected by %v", properties))
	}
	if uid := properties["IgnoredUID"]; uid == "" || uid != aws.ToString(proxy.User) {
		wrong = append(wrong, fmt.Sprintf("connections of user %q are not redirected, the proxy runs as %q: its own would come back to it", uid, aws.ToString(proxy.User)))
	}
	return wrong
}

// TestEachRuleIsBrokenBySomething: what is good is taken, and each change is found.
func TestEachRuleIsBrokenBySomething(t *testing.T) {
	type in = *awsecs.RegisterTaskDefinitionInput
	two := func(t in) (app, envoy *types.ContainerDefinition) {
		app, envoy = &t.ContainerDefinitions[0], &t.ContainerDefinitions[1]
		if *app.Name != "app" {
			app, envoy = envoy, app
		}
		return app, envoy
	}
	for want, change := range map[string]func(t in){
		"":                    func(in) {},
		"network mode":        func(t in) { t.NetworkMode = types.NetworkModeBridge },
		"no 256 CPU units":    func(t in) { t.Memory = aws.String("1536") },
		"no 1024 CPU units":   func(t in) { t.Cpu, t.Memory = aws.String("1024"), aws.String("2560") },
		"is there twice":      func(t in) { app, _ := two(t); app.Name = aws.String("envoy"); app.DependsOn = nil },
		"stop timeout 121":    func(t in) { app, _ := two(t); app.StopTimeout = aws.Int32(121) },
		"an execution role":   func(t in) { t.ExecutionRoleArn = nil },
		"no container is":     func(t in) { app, envoy := two(t); app.Essential, envoy.Essential = aws.Bool(false), aws.Bool(false) },
		"of the task's 512":   func(t in) { app, _ := two(t); app.Memory = aws.Int32(400) },
		"out of bounds":       func(t in) { _, envoy := two(t); envoy.HealthCheck.Interval = aws.Int32(4) },
		"envoy: health check": func(t in) { _, envoy := two(t); envoy.HealthCheck.Command = []string{"sidecar", "health"} },
		"waits for log":       func(t in) { app, _ := two(t); app.DependsOn[0].ContainerName = aws.String("log") },
		"has no health check": func(t in) { _, envoy := two(t); envoy.HealthCheck = nil },
		"which is essential":  func(t in) { app, _ := two(t); app.DependsOn[0].Condition = types.ContainerConditionSuccess },
		"envoy waits for itself": func(t in) {
			_, envoy := two(t)
			envoy.DependsOn = []types.ContainerDependency{{ContainerName: aws.String("app"), Condition: types.ContainerConditionStart}}
		},
		"port 8080/tcp of": func(t in) {
			app, envoy := two(t)
			app.PortMappings, envoy.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(8080)}}, []types.PortMapping{{ContainerPort: aws.Int32(8080)}}
		},
		"redirected to proxy":     func(t in) { t.ProxyConfiguration.ContainerName = aws.String("proxy") },
		"ProxyEgressPort is":      func(t in) { set(t, "ProxyEgressPort", "8080") },
		"redirected by map":       func(t in) { set(t, "ProxyEgressPort", "15000") },
		"the proxy runs as \"0\"": func(t in) { _, envoy := two(t); envoy.User = aws.String("0") },
	} {
		for _, one := range transparent().definitions(t) {
			if aws.ToString(one.Family) != "ordering-ui" {
				continue
			}
			change(one)
			got := broken(one)
			if want == "" && len(got) > 0 || want != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
				t.Errorf("want %q, got %q", want, got)
			}
		}
	}
}

// set changes a property of the redirect.
func set(in *awsecs.RegisterTaskDefinitionInput, name, value string) {
	for n, one := range in.ProxyConfiguration.Properties {
		if *one.Name == name {
			in.ProxyConfiguration.Properties[n].Value = &value
		}
	}
}
