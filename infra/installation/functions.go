package installation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/ownmesh/ownmesh/infra/options"
)

// functionNames are the Lambdas, in the order of the flow.
var functionNames = []string{"api", "dispatch", "compile", "register", "sweep"}

// timeouts are seconds. API Gateway waits 29. A message that failed comes again after six of its function's, and holds
// its mesh's others up until then: so they are short.
var timeouts = map[string]float64{"api": 29, "dispatch": 30, "compile": 60, "register": 30, "sweep": 120}

// memory is MiB, and CPU with it. Compile's is an option.
var memory = map[string]float64{"api": 512, "dispatch": 256, "register": 512, "sweep": 512}

var purposes = map[string]string{
	"api":      "Ownmesh: App Mesh's API and Ownmesh's own",
	"dispatch": "Ownmesh: tells compile and register which meshes changed",
	"compile":  "Ownmesh: writes the logs of configuration",
	"register": "Ownmesh: keeps instances and Cloud Map in step, and writes the logs of endpoints",
	"sweep":    "Ownmesh: looks at every mesh again, and collects what nobody needs",
}

// CheckArtifacts tells what `make lambdas images` has not left where the stack takes it from.
func CheckArtifacts(o options.Options) error {
	var missing []error
	for _, name := range functionNames {
		if _, err := os.Stat(codePath(o, name)); err != nil {
			missing = append(missing, fmt.Errorf("lambda %s: %w: run `make lambdas ARCH=%s`, or name another folder with -c artifacts=…", name, err, o.Architecture()))
		}
	}
	if usesLayout(o) {
		if _, err := os.Stat(filepath.Join(layoutPath(o), "index.json")); err != nil {
			missing = append(missing, fmt.Errorf("relay's image: %w: run `make images`, or name one with -c relayImage=…", err))
		}
	}
	return errors.Join(missing...)
}

func codePath(o options.Options, name string) string {
	return filepath.Join(o.Artifacts, "lambdas", o.Architecture(), name+".zip")
}

// makeFunctions makes the Lambdas, each with a role of its own that may do nothing yet but log.
func (m *mesh) makeFunctions() {
	m.functions = map[string]awslambda.Function{}
	for _, name := range functionNames {
		m.functions[name] = m.makeFunction(name)
	}
}

func (m *mesh) makeFunction(name string) awslambda.Function {
	id := map[string]string{"api": "Api", "dispatch": "Dispatch", "compile": "Compile", "register": "Register", "sweep": "Sweep"}[name]
	log := m.log(id+"Log", name)
	role := awsiam.NewRole(m.Stack, jsii.String(id+"Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil), Description: jsii.String(purposes[name]),
	})
	allow(role, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, log.LogGroupArn())
	size := memory[name]
	if name == "compile" {
		size = float64(m.o.CompileMemory)
	}
	props := &awslambda.FunctionProps{
		FunctionName: m.named(name),
		Description:  jsii.String(purposes[name]),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: m.architecture(),
		Handler:      jsii.String("bootstrap"),
		Code:         awslambda.Code_FromAsset(jsii.String(codePath(m.o, name)), nil),
		Role:         role,
		LogGroup:     log,
		MemorySize:   jsii.Number(size),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(timeouts[name])),
		Environment:  m.environment(name),
	}
	if name == "api" && m.o.APIConcurrency > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(m.o.APIConcurrency)
	}
	return awslambda.NewFunction(m.Stack, jsii.String(id+"Function"), props)
}

func (m *mesh) architecture() awslambda.Architecture {
	if m.o.Local {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// environment is what lambdas/internal/settings reads; OWNMESH_TOKEN_KEY follows in makeKeys.
func (m *mesh) environment(name string) *map[string]*string {
	all := map[string]*string{
		"OWNMESH_TABLE":           m.table.TableName(),
		"OWNMESH_INSTANCES_TABLE": m.instances.TableName(),
		"OWNMESH_BUCKET":          m.bucket.BucketName(),
		"OWNMESH_BUS":             m.bus.EventBusName(),
		"OWNMESH_COMPILE_QUEUE":   m.queues.compile.QueueUrl(),
		"OWNMESH_REGISTER_QUEUE":  m.queues.register.QueueUrl(),
		"OWNMESH_POISON_QUEUE":    m.queues.poison.QueueUrl(),
		"OWNMESH_ACCOUNT":         m.Account(),
		"OWNMESH_RELAY":           jsii.String(m.relayAddress()),
	}
	env := map[string]*string{"OWNMESH_LOG_LEVEL": jsii.String(m.o.LogLevel)}
	for _, variable := range reads[name] {
		env[variable] = all[variable]
	}
	return &env
}

// reads is which variables a function reads.
var reads = map[string][]string{
	"api":      {"OWNMESH_TABLE", "OWNMESH_INSTANCES_TABLE", "OWNMESH_BUCKET", "OWNMESH_REGISTER_QUEUE", "OWNMESH_ACCOUNT", "OWNMESH_RELAY"},
	"dispatch": {"OWNMESH_TABLE", "OWNMESH_BUS", "OWNMESH_COMPILE_QUEUE", "OWNMESH_REGISTER_QUEUE", "OWNMESH_POISON_QUEUE"},
	"compile":  {"OWNMESH_TABLE", "OWNMESH_BUCKET", "OWNMESH_BUS"},
	"register": {"OWNMESH_TABLE", "OWNMESH_INSTANCES_TABLE", "OWNMESH_BUCKET", "OWNMESH_BUS"},
	"sweep":    {"OWNMESH_TABLE", "OWNMESH_BUCKET", "OWNMESH_BUS", "OWNMESH_COMPILE_QUEUE", "OWNMESH_REGISTER_QUEUE"},
}
