"""Text payloads a person may hold up, parsed to a Holder or an InsuranceCard. Pure: no device, no clock."""
