select 'Leads' as module
