package resource

// This file: certificates, trust and TLS modes.

// ClientPolicy is App Mesh's shape ClientPolicy, and VirtualGatewayClientPolicy: how a caller speaks TLS.
type ClientPolicy struct {
	TLS *ClientPolicyTLS `json:"tls"`
}

// ClientPolicyTLS is App Mesh's shape ClientPolicyTls, and VirtualGatewayClientPolicyTls.
type ClientPolicyTLS struct {
	Validation  TLSValidationContext  `json:"validation"`
	Certificate *ClientTLSCertificate `json:"certificate"` // shown if the server asks
	Enforce     *bool                 `json:"enforce"`     // nil: true
	Ports       []int                 `json:"ports"`       // of the backend; none: all
}

// ClientTLSCertificate is App Mesh's shape ClientTlsCertificate: at most one member is set.
type ClientTLSCertificate struct {
	File *ListenerTLSFileCertificate `json:"file"`
	SDS  *ListenerTLSSDSCertificate  `json:"sds"`
}

// ListenerTLSFileCertificate is App Mesh's shape ListenerTlsFileCertificate: paths of PEM files that Envoy reads.
type ListenerTLSFileCertificate struct {
	CertificateChain string `json:"certificateChain"`
	PrivateKey       string `json:"privateKey"`
}

// ListenerTLSSDSCertificate is App Mesh's shape ListenerTlsSdsCertificate: a secret of the local SDS socket.
type ListenerTLSSDSCertificate struct {
	SecretName string `json:"secretName"`
}

// TLSValidationContext is App Mesh's shape TlsValidationContext.
type TLSValidationContext struct {
	Trust                   TLSValidationContextTrust `json:"trust"`
	SubjectAlternativeNames *SubjectAlternativeNames  `json:"subjectAlternativeNames"` // nil: the target's name in service discovery
}

// SubjectAlternativeNames is App Mesh's shape SubjectAlternativeNames.
type SubjectAlternativeNames struct {
	Match SubjectAlternativeNameMatchers `json:"match"`
}

// SubjectAlternativeNameMatchers is App Mesh's shape SubjectAlternativeNameMatchers.
type SubjectAlternativeNameMatchers struct {
	Exact []string `json:"exact"` // host names or URIs; one of them is enough
}

// TLSValidationContextTrust is App Mesh's shape TlsValidationContextTrust: at most one member is set.
type TLSValidationContextTrust struct {
	ACM  *TLSValidationContextACMTrust  `json:"acm"`
	File *TLSValidationContextFileTrust `json:"file"`
	SDS  *TLSValidationContextSDSTrust  `json:"sds"`
}

// TLSValidationContextACMTrust is App Mesh's shape TlsValidationContextAcmTrust.
type TLSValidationContextACMTrust struct {
	CertificateAuthorityARNs []string `json:"certificateAuthorityArns"`
}

// TLSValidationContextFileTrust is App Mesh's shape TlsValidationContextFileTrust: the path of a PEM file that Envoy reads.
type TLSValidationContextFileTrust struct {
	CertificateChain string `json:"certificateChain"`
}

// TLSValidationContextSDSTrust is App Mesh's shape TlsValidationContextSdsTrust.
type TLSValidationContextSDSTrust struct {
	SecretName string `json:"secretName"`
}

// ListenerTLS is App Mesh's shape ListenerTls, and VirtualGatewayListenerTls.
type ListenerTLS struct {
	Certificate ListenerTLSCertificate        `json:"certificate"`
	Mode        string                        `json:"mode"`       // STRICT, PERMISSIVE (plain text too) or DISABLED (plain text only)
	Validation  *ListenerTLSValidationContext `json:"validation"` // not nil: clients must show a certificate
}

// ListenerTLSCertificate is App Mesh's shape ListenerTlsCertificate: at most one member is set.
type ListenerTLSCertificate struct {
	ACM  *ListenerTLSACMCertificate  `json:"acm"`
	File *ListenerTLSFileCertificate `json:"file"`
	SDS  *ListenerTLSSDSCertificate  `json:"sds"`
}

// ListenerTLSACMCertificate is App Mesh's shape ListenerTlsAcmCertificate.
type ListenerTLSACMCertificate struct {
	CertificateARN string `json:"certificateArn"`
}

// ListenerTLSValidationContext is App Mesh's shape ListenerTlsValidationContext.
type ListenerTLSValidationContext struct {
	Trust                   ListenerTLSValidationContextTrust `json:"trust"`
	SubjectAlternativeNames *SubjectAlternativeNames          `json:"subjectAlternativeNames"` // nil: any
}

// ListenerTLSValidationContextTrust is App Mesh's shape ListenerTlsValidationContextTrust: at most one member is set.
type ListenerTLSValidationContextTrust struct {
	File *TLSValidationContextFileTrust `json:"file"`
	SDS  *TLSValidationContextSDSTrust  `json:"sds"`
}
