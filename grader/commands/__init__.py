"""What ``grade`` does once its command line is understood, one module a job."""
