package machine

// WhyNoNamespaces is for settings that tests cannot change.
var WhyNoNamespaces = whyNoNamespaces
