"""`rpawatch report`: a report is sent to a service, which may be elsewhere."""
