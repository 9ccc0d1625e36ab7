"""The page of `gan explore`, in a browser. It needs the extra `explore`."""
