// Package cloudformation reads the AWS::AppMesh resources of CloudFormation templates, as Create calls want them.
//
// It evaluates parameters, mappings, conditions and intrinsic functions the way CloudFormation does, as far as App Mesh
// resources need them: everything else in a template is looked at only where something refers to it. It deploys
// nothing and asks nobody: what only a deployed stack knows is named, with its line and with what to pass for it, all at
// once. Positions of values are kept from YAML and JSON alike, which is why templates are read as yaml.Node and not by a
// library that decodes into structs. Start with Read, then evaluator.go; shape.go is where strings become numbers.
package cloudformation
