package resource

// This file: certificates, trust and TLS modes.

// ClientPolicy is App Mesh's shape ClientPolicy.
type ClientPolicy struct {
	TLS *ClientPolicyTLS `json:"tls"`
}

// ClientPolicyTLS is App Mesh's shape ClientPolicyTls.
type ClientPolicyTLS struct {
	Validation  TLSValidationContext  `json:"validation"`
	Certificate *ClientTLSCertificate `json:"certificate"`
	Enforce     *bool                 `json:"enforce"`
	Ports       []int                 `json:"ports"`
}

// ClientTLSCertificate is App Mesh's shape ClientTlsCertificate: at most one member is set.
type ClientTLSCertificate struct {
	File *ListenerTLSFileCertificate `json:"file"`
	SDS  *ListenerTLSSDSCertificate  `json:"sds"`
}

// ListenerTLSFileCertificate is App Mesh's shape ListenerTlsFileCertificate.
type ListenerTLSFileCertificate struct {
	CertificateChain string `json:"certificateChain"`
	PrivateKey       string `json:"privateKey"`
}

// ListenerTLSSDSCertificate is App Mesh's shape ListenerTlsSdsCertificate.
type ListenerTLSSDSCertificate struct {
	SecretName string `json:"secretName"`
}

// TLSValidationContext is App Mesh's shape TlsValidationContext.
type TLSValidationContext struct {
	Trust                   TLSValidationContextTrust `json:"trust"`
	SubjectAlternativeNames *SubjectAlternativeNames  `json:"subjectAlternativeNames"`
}

// SubjectAlternativeNames is App Mesh's shape SubjectAlternativeNames.
type SubjectAlternativeNames struct {
	Match SubjectAlternativeNameMatchers `json:"match"`
}

// SubjectAlternativeNameMatchers is App Mesh's shape SubjectAlternativeNameMatchers.
type SubjectAlternativeNameMatchers struct {
	Exact []string `json:"exact"`
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

// TLSValidationContextFileTrust is App Mesh's shape TlsValidationContextFileTrust.
type TLSValidationContextFileTrust struct {
	CertificateChain string `json:"certificateChain"`
}

// TLSValidationContextSDSTrust is App Mesh's shape TlsValidationContextSdsTrust.
type TLSValidationContextSDSTrust struct {
	SecretName string `json:"secretName"`
}

// ListenerTLS is App Mesh's shape ListenerTls.
type ListenerTLS struct {
	Certificate ListenerTLSCertificate        `json:"certificate"`
	Mode        string                        `json:"mode"`
	Validation  *ListenerTLSValidationContext `json:"validation"`
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
	SubjectAlternativeNames *SubjectAlternativeNames          `json:"subjectAlternativeNames"`
}

// ListenerTLSValidationContextTrust is App Mesh's shape ListenerTlsValidationContextTrust: at most one member is set.
type ListenerTLSValidationContextTrust struct {
	File *TLSValidationContextFileTrust `json:"file"`
	SDS  *TLSValidationContextSDSTrust  `json:"sds"`
}
