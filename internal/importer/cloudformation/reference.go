package cloudformation

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ownmesh/ownmesh/core/resource"
)

// This file: what names stand for: parameters, resources, exports.

// The pseudo parameters that are used here.
const (
	region    = "AWS::Region"
	account   = "AWS::AccountId"
	partition = "AWS::Partition"
	stackName = "AWS::StackName"
)

// pseudo gives a pseudo parameter; false for other names. What nobody passed is asked for: a wrong guess would stay
// unseen in a name.
func (e *evaluator) pseudo(name string, line int) (value, bool) {
	if !strings.HasPrefix(name, "AWS::") {
		return value{}, false
	}
	if given, ok := e.stacks.options.Parameters[name]; ok {
		return value{kind: text, text: given, line: line}, true
	}
	of := e.stacks.options.Parameters[region]
	china := strings.HasPrefix(of, "cn-")
	v := value{kind: text, line: line}
	switch name {
	case "AWS::NoValue":
		v.kind = absent
	case "AWS::NotificationARNs":
		v.kind = list
	case partition:
		v.text = "aws"
		if china {
			v.text = "aws-cn"
		} else if strings.HasPrefix(of, "us-gov-") {
			v.text = "aws-us-gov"
		}
	case "AWS::URLSuffix":
		v.text = "amazonaws.com"
		if china {
			v.text = "amazonaws.com.cn"
		}
	case region, account, stackName, "AWS::StackId":
		return e.problem(line, "the template uses "+name+", which only a deployed stack knows", "--parameter "+name+"=VALUE"), true
	default:
		return e.problem(line, "there is no pseudo parameter "+shown(name), ""), true
	}
	return v, true
}

// ref is what Ref of a name gives.
func (e *evaluator) ref(name value, line int) value {
	if name.kind != text {
		return name
	}
	if v, ok := e.pseudo(name.text, line); ok {
		return v
	}
	if declared, ok := e.parameters[name.text]; ok {
		return e.parameter(name.text, declared, line)
	}
	d, ok := e.declared[name.text]
	if !ok {
		return e.problem(line, "there is no parameter and no resource "+shown(name.text), "")
	}
	if given, ok := e.stacks.options.Resolve[name.text]; ok {
		return value{kind: text, text: given, line: line}
	}
	if info, ok := d.info(); ok {
		return e.arn(d, info, line)
	}
	return e.problem(line, "only a deployed stack knows what Ref of "+name.text+" ("+d.typ+") gives", "--resolve "+name.text+"=VALUE")
}

// parameter is a parameter's value: what was passed, or its default.
func (e *evaluator) parameter(name string, declared *yaml.Node, line int) value {
	scalar := func(member string) string {
		if n := follow(child(declared, member)); n != nil && n.Kind == yaml.ScalarNode {
			return n.Value
		}
		return ""
	}
	typ := scalar("Type")
	given, ok := e.stacks.options.Parameters[name]
	if !ok {
		standard := child(declared, "Default")
		switch {
		case strings.HasPrefix(typ, "AWS::SSM::Parameter::Value<"):
			return e.problem(line, "parameter "+name+" is read from a parameter store, which only AWS can do", "--parameter "+name+"=VALUE")
		case standard == nil:
			return e.problem(line, "parameter "+name+" has no default", "--parameter "+name+"=VALUE")
		}
		given = follow(standard).Value
	}
	values := []string{given}
	isList := strings.Contains(typ, "List<") || strings.Contains(typ, "CommaDelimitedList")
	if isList {
		values = slices.DeleteFunc(strings.Split(given, ","), func(part string) bool { return strings.TrimSpace(part) == "" })
	}
	v := value{kind: list, line: line}
	allowed := scalars(child(declared, "AllowedValues"))
	for _, one := range values {
		if isList {
			one = strings.TrimSpace(one)
		}
		if allowed != nil && !slices.Contains(allowed, one) {
			return e.problem(line, "parameter "+name+" is "+shown(given)+", and must be one of "+sortedNames(allowed), "--parameter "+name+"=VALUE")
		}
		v.items = append(v.items, value{kind: text, text: one, line: line})
	}
	if !isList {
		return e.dynamic(v.items[0])
	}
	return v
}

// scalars are the texts of a list; nil if n is none.
func scalars(n *yaml.Node) (all []string) {
	for _, c := range contents(n) {
		all = append(all, follow(c).Value)
	}
	return all
}

func contents(n *yaml.Node) []*yaml.Node {
	if n = follow(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// getAtt is Fn::GetAtt: a string with a dot, or a list of two strings.
func (e *evaluator) getAtt(arg *yaml.Node, line, depth int) value {
	arg = follow(arg)
	if arg.Kind == yaml.ScalarNode {
		if logical, attribute, ok := strings.Cut(arg.Value, "."); ok {
			return e.attribute(logical, attribute, line)
		}
	}
	args := e.arguments(arg, "Fn::GetAtt", "a resource and its attribute", 2, 2, line, depth)
	if args == nil || args[0].kind != text || args[1].kind != text {
		return value{kind: unknown, line: line}
	}
	return e.attribute(args[0].text, args[1].text, line)
}

// attribute is what GetAtt gives.
func (e *evaluator) attribute(logical, attribute string, line int) value {
	path := logical + "." + attribute
	if given, ok := e.stacks.options.Resolve[path]; ok {
		return value{kind: text, text: given, line: line}
	}
	d, ok := e.declared[logical]
	if !ok {
		return e.problem(line, "there is no resource "+shown(logical), "")
	}
	ask := "--resolve " + path + "=VALUE"
	if info, ok := d.info(); ok {
		return e.meshAttribute(d, info, attribute, line)
	}
	if d.typ == "AWS::ServiceDiscovery::Service" && attribute == "Name" {
		if n := d.property("Name"); n != nil {
			return e.property(n, path, line)
		}
	}
	return e.problem(line, "only a deployed stack knows "+path+" ("+d.typ+")", ask)
}

// meshAttribute is an attribute of an App Mesh resource.
func (e *evaluator) meshAttribute(d *declared, info resource.Info, attribute string, line int) value {
	if d.condition != "" {
		there, ok := e.namedCondition(d.condition, line)
		if !ok {
			return value{kind: unknown, line: line}
		}
		if !there {
			return e.problem(line, "resource "+d.logical+" is not there: its condition "+shown(d.condition)+" is false", "")
		}
	}
	names := []string{"MeshName", title(info.NameMember)}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		names = append(names, title(parent.NameMember))
	}
	switch {
	case slices.Contains(names, attribute):
		return e.name(d, info, attribute, line)
	case attribute == "Arn" || attribute == "Id":
		return e.arn(d, info, line)
	case attribute == "MeshOwner" && d.property("MeshOwner") != nil:
		return e.property(d.property("MeshOwner"), d.logical+".MeshOwner", line)
	case attribute == "MeshOwner" || attribute == "ResourceOwner":
		v, _ := e.pseudo(account, line)
		return v
	case attribute == "Uid":
		return e.problem(line, "a Uid is made by the server when it creates the resource", "--resolve "+d.logical+".Uid=VALUE")
	}
	return e.problem(line, d.typ+" has no attribute "+shown(attribute), "")
}

// name is a resource's own name, its mesh's or its parent's. A name that the template leaves out is made up as
// docs/import.md says: the logical id, behind the stack's name where that was passed.
func (e *evaluator) name(d *declared, info resource.Info, property string, line int) value {
	if n := d.property(property); n != nil {
		if v := e.property(n, d.logical+"."+property, line); v.kind != absent {
			return v
		}
	}
	if property != title(info.NameMember) || info.Kind == resource.KindVirtualService {
		return e.problem(d.line, property+" is missing", "")
	}
	made := d.logical
	if stack := e.stacks.options.Parameters[stackName]; stack != "" {
		made = stack + "-" + made
	}
	return value{kind: text, text: made, line: line}
}

// property evaluates another resource's property, which must not need itself.
func (e *evaluator) property(n *yaml.Node, path string, line int) value {
	leave, ok := e.enter(path)
	if !ok {
		return e.problem(line, path+" needs itself", "")
	}
	defer leave()
	return e.eval(n, 0)
}

// arn is an App Mesh resource's ARN.
func (e *evaluator) arn(d *declared, info resource.Info, line int) value {
	k := resource.Key{Kind: info.Kind}
	mesh := e.name(d, info, "MeshName", line)
	own := e.name(d, info, title(info.NameMember), line)
	parts := []value{mesh, own}
	if parent, ok := resource.InfoOf(info.Parent); ok {
		p := e.name(d, info, title(parent.NameMember), line)
		k.Parent = p.text
		parts = append(parts, p)
	}
	k.Name = own.text
	var place []string
	for _, name := range []string{partition, region, account} {
		v, _ := e.pseudo(name, line)
		parts, place = append(parts, v), append(place, v.text)
	}
	for _, p := range parts {
		if p.kind != text {
			return e.misused(p, d.logical, "strings for names", line)
		}
	}
	return value{kind: text, text: k.ARN(place[0], place[1], place[2], mesh.text), line: line}
}

// importValue is what another template of this run exports under a name, or what was passed for it.
func (e *evaluator) importValue(name value, line int) value {
	if name.kind != text {
		return name
	}
	if given, ok := e.stacks.options.Resolve["ImportValue."+name.text]; ok {
		return value{kind: text, text: given, line: line}
	}
	for _, other := range e.stacks.all {
		if v, ok := other.export(name.text); ok {
			v.line = line
			return v
		}
	}
	return e.problem(line, "only a deployed stack knows the export "+shown(name.text)+"; no template of this run has it", "--resolve 'ImportValue."+name.text+"=VALUE'")
}

// export finds what this template exports under a name, if it can be known.
func (e *evaluator) export(name string) (value, bool) {
	leave, ok := e.enter("export " + name)
	if !ok {
		return value{}, false
	}
	defer leave()
	e.quiet++
	defer func() { e.quiet-- }()
	for _, output := range e.exports {
		n := child(child(output, "Export"), "Name")
		if n == nil {
			continue
		}
		if v := e.eval(n, 0); v.kind != text || v.text != name {
			continue
		}
		v := e.eval(child(output, "Value"), 0)
		return v, v.kind == text || v.kind == list
	}
	return value{}, false
}
